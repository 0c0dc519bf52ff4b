package com.example.desk;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class DeskController {
    private final MessageService messages;
    private final Watchers watchers;

    public DeskController(MessageService messages, Watchers watchers) {
        this.messages = messages;
        this.watchers = watchers;
    }

    @PostMapping("/messages")
    void send(@RequestParam String to, @RequestParam String author, @RequestParam String text) throws JsonProcessingException {
        messages.send(to, "/queue/msg", new Line(author, text));
    }

    @GetMapping("/watchers")
    List<String> watching(@RequestParam String destination) {
        return watchers.of(destination);
    }
}
