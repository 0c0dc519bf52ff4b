package com.example.samples;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.stereotype.Controller;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.messaging.SessionDisconnectEvent;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;

/** The greeting of Spring's guide and the chat that everybody builds after it. */
@Configuration
@EnableWebSocketMessageBroker
public class StompConfig implements WebSocketMessageBrokerConfigurer {

    @Override
    public void configureMessageBroker(MessageBrokerRegistry config) {
        config.enableSimpleBroker("/topic", "/queue");
        config.setApplicationDestinationPrefixes("/app");
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/gs-guide-websocket");
        registry.addEndpoint("/chat-ws").setHandshakeHandler(new DefaultHandshakeHandler() {
            @Override
            protected java.security.Principal determineUser(ServerHttpRequest request, WebSocketHandler handler, Map<String, Object> attributes) {
                String query = request.getURI().getQuery();
                return query == null ? null : () -> query;
            }
        });
    }

    public static class HelloMessage {
        private String name;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }
    }

    public static class Greeting {
        private final String content;

        public Greeting(String content) {
            this.content = content;
        }

        public String getContent() {
            return content;
        }
    }

    @Controller
    public static class Greetings {
        private final SimpMessagingTemplate template;
        private final Map<String, String> online = new ConcurrentHashMap<>();

        public Greetings(SimpMessagingTemplate template) {
            this.template = template;
        }

        @MessageMapping("/hello")
        @SendTo("/topic/greetings")
        public Greeting greeting(HelloMessage message) throws Exception {
            Thread.sleep(50);  // simulated delay
            return new Greeting("Hello, " + message.getName() + "!");
        }

        @MessageMapping("/chat.addUser")
        @SendTo("/topic/public")
        public Map<String, String> addUser(@Payload Map<String, String> message, SimpMessageHeaderAccessor accessor) {
            accessor.getSessionAttributes().put("username", message.get("sender"));
            return Map.of("type", "JOIN", "sender", message.get("sender"));
        }

        @MessageMapping("/chat.private")
        public void tell(@Payload Map<String, String> message) {
            template.convertAndSendToUser(message.get("to"), "/queue/private", message.get("text"));
        }

        @MessageMapping("/chat.self")
        @SendToUser(value = "/queue/private", broadcast = false)
        public String self(String text) {
            return "only you: " + text;
        }

        @EventListener
        public void gone(SessionDisconnectEvent event) {
            StompHeaderAccessor accessor = StompHeaderAccessor.wrap(event.getMessage());
            String username = (String) accessor.getSessionAttributes().get("username");
            if (username != null) {
                template.convertAndSend("/topic/public", Map.of("type", "LEAVE", "sender", username));
            }
        }
    }
}
