package com.example.rough;

import java.security.Principal;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessageType;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Controller;

@Controller
public class StompController {
    private final SimpMessagingTemplate template;
    private final MessageChannel outbound;

    public StompController(SimpMessagingTemplate template, @Qualifier("clientOutboundChannel") MessageChannel outbound) {
        this.template = template;
        this.outbound = outbound;
    }

    /** The usual way to end a session from a method. */
    @MessageMapping("/end")
    void end(String text, SimpMessageHeaderAccessor accessor) {
        error(accessor.getSessionId(), text);
    }

    @MessageMapping("/end-later")
    void endLater(String text, SimpMessageHeaderAccessor accessor) {
        String session = accessor.getSessionId();
        CompletableFuture.runAsync(() -> {
            pause(300);
            error(session, text);
        });
    }

    private void error(String session, String text) {
        StompHeaderAccessor error = StompHeaderAccessor.create(StompCommand.ERROR);
        error.setSessionId(session);
        error.setMessage(text);
        outbound.send(MessageBuilder.createMessage(new byte[0], error.getMessageHeaders()));
    }

    @MessageMapping("/slow")
    @SendToUser("/queue/told")
    String slow(String millis) {
        pause(Integer.parseInt(millis));
        return "slept " + millis;
    }

    private static void pause(int millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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
            pause(100);
            return "later " + text;
        });
    }

    @MessageMapping("/bytes")
    @SendToUser(destinations = "/queue/told", broadcast = false)
    byte[] bytes(byte[] body, Principal who) {
        return body;
    }

    /** At least once, whatever the application says otherwise. */
    @MessageMapping("/everyone-by-list")
    void everyoneByList(String text) {
        template.convertAndSend("/topic/all", text, Collections.singletonMap("wsidecar-send", "list"));
    }

    @MessageMapping("/everyone")
    void everyone(String text) {
        template.convertAndSend("/topic/all", text);
    }
}
