package com.example.everything;

import java.security.Principal;
import java.util.Map;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Headers;
import org.springframework.messaging.handler.annotation.MessageExceptionHandler;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.annotation.SubscribeMapping;
import org.springframework.stereotype.Controller;

@Controller
public class StompController {
    private final SimpMessagingTemplate template;

    public StompController(SimpMessagingTemplate template) {
        this.template = template;
    }

    @MessageMapping("/default.{room}")
    String toItsTopic(@DestinationVariable String room, String text, Principal who) {
        return room + " " + text + " " + who.getName() + " " + who.getClass().getSimpleName();
    }

    @MessageMapping("/number")
    @SendTo({"/topic/one", "/topic/two"})
    Map<String, Integer> number(@Payload int n) {
        return Map.of("n", n + 1);
    }

    @MessageMapping("/headers")
    @SendToUser("/queue/answers")
    String headers(@Header("Priority") String priority, @Headers Map<String, Object> headers, MessageHeaders all, Message<?> message,
            SimpMessageHeaderAccessor accessor) {
        Map<String, Object> attributes = accessor.getSessionAttributes();
        attributes.merge("count", 1, (a, b) -> (Integer) a + (Integer) b);
        return priority + " " + headers.containsKey("simpDestination") + " " + accessor.getFirstNativeHeader("x_y") + " "
            + attributes.get("user_id") + " " + attributes.get("count") + " " + (accessor.getSessionId() != null) + " " + all.get("contentType");
    }

    @MessageMapping("/mine")
    @SendToUser(destinations = "/queue/answers", broadcast = false)
    String mine(String text) {
        return "mine " + text;
    }

    @MessageMapping("/template")
    void byTemplate(String text, Principal who) {
        template.convertAndSendToUser(who.getName(), "/queue/answers", "first " + text);
        template.convertAndSend("/topic/one", "second " + text, Map.of("colour", "red"));
    }

    @MessageMapping("/rooms/{room}/of/{owner}")
    @SendToUser("/queue/answers")
    String variables(@DestinationVariable("room") String room, @DestinationVariable("owner") long owner) {
        return room + " of " + (owner + 1);
    }

    @MessageMapping("/typed/{n:[0-9]+}")
    @SendToUser("/queue/answers")
    String number(@DestinationVariable("n") int n, @Payload String text) {
        return "number " + n;
    }

    /** Spring finds two methods for one message, and calls neither. */
    @MessageMapping("/twice/{a}")
    void once() {}

    @MessageMapping("/twice/{b}")
    void again() {}

    @MessageMapping("/any/**")
    @SendToUser("/queue/answers")
    String any(@Header("simpDestination") String destination) {
        return "any " + destination;
    }

    @SubscribeMapping("/marked")
    String marked() {
        return "m";
    }

    @SubscribeMapping("/init.{room}")
    Map<String, String> init(@DestinationVariable String room, Principal who) {
        return Map.of("room", room);
    }

    @MessageMapping("/fail")
    void fail() {
        throw new UnsupportedOperationException("cannot be done");
    }

    @MessageExceptionHandler
    @SendToUser("/queue/answers")
    String failed(UnsupportedOperationException e) {
        return "failed: " + e.getMessage();
    }
}
