package com.example.tutorials;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.TextWebSocketHandler;

/** Signals of two browsers that call each other: JSON is passed on to everybody but its sender. */
@Component
@EnableWebSocket
public class JsonHandler extends TextWebSocketHandler implements WebSocketConfigurer {
    private final List<WebSocketSession> sessions = Collections.synchronizedList(new ArrayList<>());
    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(this, "/signal").setAllowedOrigins("*");
    }

    @Override
    public void afterConnectionEstablished(WebSocketSession session) {
        sessions.add(session);
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
        Map<String, Object> signal = new HashMap<>(mapper.readValue(message.getPayload(), Map.class));
        for (WebSocketSession one : new ArrayList<>(sessions)) {
            if (one.isOpen() && !session.getId().equals(one.getId())) {
                one.sendMessage(new TextMessage(mapper.writeValueAsString(Collections.singletonMap("event", signal.get("event")))));
            }
        }
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        sessions.remove(session);
    }
}
