package com.example.habits;

import java.security.Principal;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.event.EventListener;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.MessageExceptionHandler;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.handler.annotation.support.MethodArgumentNotValidException;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.annotation.SubscribeMapping;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.simp.user.SimpUserRegistry;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.stereotype.Controller;
import org.springframework.validation.annotation.Validated;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseBody;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.WebSocketMessageBrokerStats;
import org.springframework.web.socket.messaging.SessionSubscribeEvent;

@Controller
public class StompController {
    private final SimpMessagingTemplate template;
    private final SimpUserRegistry users;
    private final WebSocketMessageBrokerStats stats;

    public StompController(SimpMessagingTemplate template, SimpUserRegistry users, WebSocketMessageBrokerStats stats) {
        this.template = template;
        this.users = users;
        this.stats = stats;
    }

    @MessageMapping("room.{name}")
    String room(@DestinationVariable("name") String name, String text) {
        return name + ": " + text;
    }

    @SubscribeMapping("later")
    CompletableFuture<String> later() {
        return CompletableFuture.supplyAsync(() -> {
            try {
                TimeUnit.MILLISECONDS.sleep(300);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return "later";
        });
    }

    @SubscribeMapping("to.all")
    @SendTo("/topic/all")
    String toAll(Principal who) {
        return who.getName() + " is interested";
    }

    @SubscribeMapping("nothing")
    void nothing() {}

    @MessageMapping("message")
    @SendTo("/topic/all")
    Message<String> message(Message<String> message) {
        return MessageBuilder.withPayload("a message of " + message.getPayload()).setHeader("nativeHeaders", Collections.singletonMap("colour", Collections.singletonList("red"))).build();
    }

    @MessageMapping("pay")
    @SendToUser("/queue/answers")
    StompConfig.Money pay(@Validated @Payload StompConfig.Money money) {
        return new StompConfig.Money(money.cents * 2);
    }

    @MessageExceptionHandler
    @SendToUser("/queue/answers")
    String invalid(MethodArgumentNotValidException e) {
        return e.getBindingResult().getAllErrors().get(0).getDefaultMessage();
    }

    @MessageMapping("headers")
    @SendToUser("/queue/answers")
    String headers(@Header(name = "size", defaultValue = "7") int size, @Header(name = "colour", required = false) String colour,
            @Header("shape") Optional<String> shape, @Header("simpSessionId") String session, SimpMessageHeaderAccessor accessor) {
        return size + " " + colour + " " + shape.orElse("round") + " " + session.equals(accessor.getSessionId()) + " " + accessor.getMessageType();
    }

    @EventListener
    void subscribed(SessionSubscribeEvent event) {
        StompHeaderAccessor accessor = StompHeaderAccessor.wrap(event.getMessage());
        if (accessor.getDestination().equals("/user/queue/welcome")) {
            template.convertAndSendToUser(event.getUser().getName(), "/queue/welcome", "welcome, subscription " + accessor.getSubscriptionId());
        }
    }

    @PostMapping("/kick")
    @ResponseBody
    String kick(@RequestParam("user") String user) throws Exception {
        WebSocketSession session = StompConfig.SESSIONS.get(user);
        if (session == null) {
            return "not here";
        }
        session.close(new CloseStatus(4003, "asked to leave"));
        return "asked";
    }

    @PostMapping("/interested")
    @ResponseBody
    String interested(@RequestParam("destination") String destination) {
        return users.findSubscriptions(s -> s.getDestination().equals(destination)).size() + " " + (stats.toString() != null);
    }

    @PostMapping("/headers-of")
    @ResponseBody
    void say(@RequestParam("user") String user, @RequestParam("text") String text) {
        template.convertAndSendToUser(user, "/queue/answers", text, Map.of("colour", "blue"), m -> MessageBuilder.fromMessage(m).build());
    }
}
