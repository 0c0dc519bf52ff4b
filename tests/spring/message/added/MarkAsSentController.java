package com.example.push;

import java.util.List;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class MarkAsSentController {
    private final MessageService messageService;

    public MarkAsSentController(MessageService messageService) {
        this.messageService = messageService;
    }

    @PostMapping("/internal/messages/mark-as-sent")
    void sent(@RequestBody List<Long> ids) {
        messageService.markAsSent(ids);
    }
}
