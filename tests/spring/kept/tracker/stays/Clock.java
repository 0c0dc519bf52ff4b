package com.example.tracker;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.TextWebSocketHandler;

/** What everybody is sent on a schedule: over a loop of sessions, and to a topic. */
@Component
public class Clock extends TextWebSocketHandler {
    private final Map<String, WebSocketSession> sessions = new ConcurrentHashMap<>();
    private final SimpMessagingTemplate template;
    private final long replica = ProcessHandle.current().pid();

    public Clock(SimpMessagingTemplate template) {
        this.template = template;
    }

    @Override
    public void afterConnectionEstablished(WebSocketSession session) {
        sessions.put(session.getId(), session);
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        sessions.remove(session.getId());
    }

    @Scheduled(fixedRate = 500)
    public void tick() throws IOException {  // here: tick
        for (WebSocketSession session : sessions.values()) {
            session.sendMessage(new TextMessage("tick of " + replica));
        }
        template.convertAndSend("/topic/clock", "tick of " + replica);
        template.convertAndSendToUser("anonymous", "/topic/mine", "yours of " + replica);
    }

    @Configuration
    @EnableWebSocket
    public static class Registered implements WebSocketConfigurer {
        private final Clock clock;

        public Registered(Clock clock) {
            this.clock = clock;
        }

        @Override
        public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
            registry.addHandler(clock, "/clock");
        }
    }
}
