package com.example.tracker;

import java.net.InetSocketAddress;
import java.security.Principal;
import java.util.Map;
import org.springframework.context.ApplicationListener;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.SimpMessageSendingOperations;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.stereotype.Controller;
import org.springframework.web.socket.messaging.SessionDisconnectEvent;

@Controller
public class Activities implements ApplicationListener<SessionDisconnectEvent> {
    private final SimpMessageSendingOperations template;

    public Activities(SimpMessageSendingOperations template) {
        this.template = template;
    }

    @MessageMapping("/topic/activity")
    @SendTo("/topic/tracker")
    public Map<String, Object> activity(@Payload Map<String, Object> page, StompHeaderAccessor accessor, Principal who) {
        InetSocketAddress address = (InetSocketAddress) accessor.getSessionAttributes().get("address");
        page.put("who", who.getName());
        page.put("address", address.getAddress().getHostAddress());
        page.put("session", accessor.getSessionId() != null);
        return page;
    }

    /** The broker has this destination, too: its subscribers get what was sent, and those of the tracker what the method says. */
    @MessageMapping("/topic/rooms/{room}")
    @SendTo("/topic/tracker")
    public String room(@DestinationVariable("room") String room, @Payload String text) {
        return room + " heard " + text;
    }

    @Override
    public void onApplicationEvent(SessionDisconnectEvent event) {
        template.convertAndSend("/topic/tracker", (Object) Map.of("page", "logout"));
    }
}
