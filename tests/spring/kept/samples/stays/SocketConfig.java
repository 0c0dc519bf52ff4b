package com.example.samples;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.ConcurrentWebSocketSessionDecorator;
import org.springframework.web.socket.handler.TextWebSocketHandler;
import org.springframework.web.socket.server.HandshakeInterceptor;
import org.springframework.web.socket.server.support.HttpSessionHandshakeInterceptor;

@Configuration
@EnableWebSocket
public class SocketConfig implements WebSocketConfigurer {
    private final Users users;

    public SocketConfig(Users users) {
        this.users = users;
    }

    /** A list of sessions, each behind the decorator that lets threads send at the same time. */
    public static class Broadcast extends TextWebSocketHandler {
        private final List<WebSocketSession> sessions = new CopyOnWriteArrayList<>();

        @Override
        public void afterConnectionEstablished(WebSocketSession session) {
            sessions.add(new ConcurrentWebSocketSessionDecorator(session, 5000, 64 * 1024));
        }

        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws IOException {
            for (WebSocketSession one : sessions) {
                if (one.isOpen()) {
                    one.sendMessage(new TextMessage(sessions.size() + " " + message.getPayload()));
                }
            }
        }

        @Override
        public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
            sessions.removeIf(s -> s.getId().equals(session.getId()));
        }
    }

    /** Users by name; who logs in again is the one that counts. */
    public class ByName extends TextWebSocketHandler {
        @Override
        public void afterConnectionEstablished(WebSocketSession session) throws Exception {
            WebSocketSession before = users.byName.put((String) session.getAttributes().get("user"), session);
            if (before != null) {
                before.close(new CloseStatus(4002, "elsewhere"));
            }
        }

        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
            String[] words = message.getPayload().split(" ", 2);
            WebSocketSession to = users.byName.get(words[0]);
            if (to == null) {
                session.sendMessage(new TextMessage(words[0] + " is away"));
            } else {
                to.sendMessage(new TextMessage(session.getAttributes().get("user") + ": " + words[1]));
            }
        }

        @Override
        public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
            users.byName.remove((String) session.getAttributes().get("user"), session);
        }
    }

    /** The user of the query string, as an attribute. */
    @Component
    public static class NameOfQuery implements HandshakeInterceptor {
        @Override
        public boolean beforeHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Map<String, Object> attributes) {
            String user = ((ServletServerHttpRequest) request).getServletRequest().getParameter("user");
            attributes.put("user", user);
            return user != null;
        }

        @Override
        public void afterHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Exception failure) {
        }
    }

    /** What the HTTP session knows. */
    public static class OfSession extends TextWebSocketHandler {
        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
            session.sendMessage(new TextMessage(session.getAttributes().get("cart") + " " + session.getAttributes().containsKey("HTTP.SESSION.ID")));
        }
    }

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(new Broadcast(), "/broadcast").setAllowedOrigins("*");
        registry.addHandler(new ByName(), "/by-name").addInterceptors(new NameOfQuery());
        registry.addHandler(new Demanding(), "/demanding");
        registry.addHandler(new OfSession(), "/of-session").addInterceptors(new HttpSessionHandshakeInterceptor());
    }
}
