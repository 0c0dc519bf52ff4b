package com.example.inprocess;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.listener.PatternTopic;
import org.springframework.data.redis.listener.RedisMessageListenerContainer;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.PingMessage;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.TextWebSocketHandler;

/**
 * What scripts/bench measures wsidecar against: an app that holds its WebSockets itself, as most do. A map of sessions, and every
 * replica listens to Redis. Its own work is a method call away, so the echo has no HTTP in it.
 */
@SpringBootApplication
@EnableWebSocket
@EnableScheduling
public class InProcessApplication extends TextWebSocketHandler implements WebSocketConfigurer {

    private final Map<String, WebSocketSession> users = new ConcurrentHashMap<>();

    public static void main(String[] args) {
        SpringApplication.run(InProcessApplication.class, args);
    }

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(this, "/ws/bench").setAllowedOrigins("*");
    }

    @Override
    public void afterConnectionEstablished(WebSocketSession session) {
        users.put(user(session), session);
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        users.remove(user(session), session);
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) {
        send(session, message);
    }

    @Scheduled(fixedRateString = "${heartbeat:25000}")
    void beat() {
        users.values().forEach(session -> send(session, new PingMessage()));
    }

    @Bean
    RedisMessageListenerContainer pushes(RedisConnectionFactory factory) {
        RedisMessageListenerContainer container = new RedisMessageListenerContainer();
        container.setConnectionFactory(factory);
        container.setTaskExecutor(Executors.newSingleThreadExecutor());  // the default has a thread for each message, and no order
        container.addMessageListener((message, pattern) -> {
            String channel = new String(message.getChannel());
            TextMessage text = new TextMessage(message.getBody());
            if (channel.endsWith(":all")) {
                users.values().forEach(session -> send(session, text));
            } else {
                WebSocketSession session = users.get(channel.substring(channel.lastIndexOf(':') + 1));
                if (session != null) {
                    send(session, text);
                }
            }
        }, new PatternTopic("wsidecar:*"));
        return container;
    }

    private static String user(WebSocketSession session) {
        return session.getUri().getQuery().substring("user=".length());
    }

    private static void send(WebSocketSession session, WebSocketMessage<?> message) {
        synchronized (session) {  // Tomcat allows one sender at a time
            try {
                session.sendMessage(message);
            } catch (IOException | IllegalStateException e) {
                // closed meanwhile
            }
        }
    }
}
