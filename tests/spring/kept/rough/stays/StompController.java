package com.example.rough;

import java.security.Principal;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessageType;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.stereotype.Controller;

@Controller
public class StompController {
    private final SimpMessagingTemplate template;

    public StompController(SimpMessagingTemplate template) {
        this.template = template;
    }

    /** Passes on the headers of the message that came, as many chats do: they have the sender's session. */
    @MessageMapping("/tell")
    void tell(Message<String> message, SimpMessageHeaderAccessor accessor) {
        String[] words = message.getPayload().split(" ", 2);
        template.convertAndSendToUser(words[0], "/queue/told", words[1], accessor.getMessageHeaders());
    }

    /** The usual way to one session, also of somebody who has not logged in. */
    @MessageMapping("/me")
    void me(String text, SimpMessageHeaderAccessor accessor) {
        SimpMessageHeaderAccessor headers = SimpMessageHeaderAccessor.create(SimpMessageType.MESSAGE);
        headers.setSessionId(accessor.getSessionId());
        headers.setLeaveMutable(true);
        template.convertAndSendToUser(accessor.getSessionId(), "/queue/told", text, headers.getMessageHeaders());
    }

    @MessageMapping("/later")
    @SendToUser("/queue/told")
    CompletableFuture<String> later(String text) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                TimeUnit.MILLISECONDS.sleep(100);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return "later " + text;
        });
    }

    @MessageMapping("/bytes")
    @SendToUser(destinations = "/queue/told", broadcast = false)
    byte[] bytes(byte[] body, Principal who) {
        return body;
    }

    @MessageMapping("/everyone")
    void everyone(String text) {
        template.convertAndSend("/topic/all", text);
    }
}
