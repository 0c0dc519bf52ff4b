package com.example.deleted;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.TextWebSocketHandler;

/** The sessions of this JVM, by login name. */
@Component
public class UserMessagesHandler extends TextWebSocketHandler {
    private final Map<String, Set<WebSocketSession>> sessions = new ConcurrentHashMap<>();

    @Override
    public void afterConnectionEstablished(WebSocketSession session) {
        sessions.computeIfAbsent(session.getPrincipal().getName(), n -> ConcurrentHashMap.newKeySet()).add(session);
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        sessions.getOrDefault(session.getPrincipal().getName(), Set.of()).remove(session);
    }

    public void sendMessageToUser(String loginName, TextMessage message) throws IOException {
        for (WebSocketSession session : sessions.getOrDefault(loginName, Set.of())) {
            synchronized (session) {
                session.sendMessage(message);
            }
        }
    }
}
