package com.example.push;

import java.util.List;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class MessageController {
    private final MessageService messageService;

    public MessageController(MessageService messageService) {
        this.messageService = messageService;
    }

    @PostMapping("/messages")
    void send(@RequestParam String to, @RequestParam List<Long> ids) {
        messageService.save(to, ids);
        messageService.push(to, ids);
    }

    /** What the page asks for once it is connected. */
    @PostMapping("/messages/unsent")
    void unsent(@RequestParam String to) {
        messageService.pushUnsent(to);
    }

    @PostMapping("/messages/queue")
    void queue(@RequestParam String to, @RequestParam List<Long> ids) {
        messageService.save(to, ids);
        messageService.queue(to, ids);
    }
}
