package com.example.deleted;

import com.example.desk.Line;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class NoticeController {
    private final SimpMessagingTemplate template;

    public NoticeController(SimpMessagingTemplate template) {
        this.template = template;
    }

    @PostMapping("/notices")
    void notice(@RequestParam String user, @RequestParam String text) {
        template.convertAndSendToUser(user, "/queue/notices", new Line("desk", text));
    }

    @PostMapping("/news")
    void news(@RequestParam String text) {
        template.convertAndSend("/topic/news", new Line("desk", text));
    }
}
