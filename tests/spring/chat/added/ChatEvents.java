package com.example.chat;

import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.SessionAttribute;

@RestController
public class ChatEvents {
    private final PublishService publishService;

    public ChatEvents(PublishService publishService) {
        this.publishService = publishService;
    }

    @PostMapping(path = "/chat/{room}", headers = "ce-type=wsidecar.connect")
    ResponseEntity<String> onOpen(@SessionAttribute(required = false) String user, @RequestHeader("ce-connectionid") String id) {
        if (user == null) {
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        return ResponseEntity.ok().header("Ws-User", user).body("welcome " + user + " " + id);
    }

    @PostMapping(path = "/chat/{room}", headers = "ce-type=wsidecar.message")
    void onMessage(@RequestBody String text) {
        if (text.startsWith("@")) {
            String one = text.substring(1, text.indexOf(' '));
            publishService.publish("wsidecar:user:" + one, text);
            publishService.publish("wsidecar:connection:" + one, text);
        } else {
            publishService.publish("socket_topic", text);
        }
    }
}
