package com.example.tutorials;

import java.security.Principal;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.handler.annotation.MessageExceptionHandler;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.annotation.SubscribeMapping;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.user.SimpUserRegistry;
import org.springframework.stereotype.Controller;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.messaging.SessionSubscribeEvent;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;

@Configuration
@EnableWebSocketMessageBroker
public class Broker implements WebSocketMessageBrokerConfigurer {

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/queue/", "/topic/");
        registry.setApplicationDestinationPrefixes("/app");
    }

    /** Each client is a user of its own, whose name nobody knows before. */
    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/portfolio").setHandshakeHandler(new DefaultHandshakeHandler() {
            @Override
            protected Principal determineUser(ServerHttpRequest request, WebSocketHandler handler, Map<String, Object> attributes) {
                String name = UUID.randomUUID().toString();
                return () -> name;
            }
        }).withSockJS();
    }

    /** Positions on subscription, trades with an answer to the user, errors to the one session. */
    @Controller
    public static class Portfolio {
        private final SimpMessagingTemplate template;
        private final SimpUserRegistry users;

        public Portfolio(SimpMessagingTemplate template, SimpUserRegistry users) {
            this.template = template;
            this.users = users;
        }

        @SubscribeMapping("/positions")
        public List<String> positions(Principal who) {
            return Arrays.asList("ABC 10", "XYZ 20");
        }

        @MessageMapping("/trade")
        public void trade(Map<String, Object> trade, Principal who) {
            if ((Integer) trade.get("shares") <= 0) {
                throw new IllegalArgumentException("no shares");
            }
            Map<String, Object> headers = Collections.singletonMap(MessageHeaders.CONTENT_TYPE, MimeTypeUtils.APPLICATION_JSON);
            template.convertAndSendToUser(who.getName(), "/queue/position-updates", trade.get("ticker") + " " + trade.get("shares"), headers);
        }

        @MessageMapping("/who")
        @SendToUser(value = "/queue/who", broadcast = false)
        public boolean who(Principal who) {
            return users.getUser(who.getName()) != null && users.getUserCount() >= 2;
        }

        @MessageExceptionHandler
        @SendToUser(value = "/queue/errors", broadcast = false)
        public String failed(IllegalArgumentException e) {
            return e.getMessage();
        }

        @EventListener
        public void presence(SessionSubscribeEvent event) {
            if ("/topic/presence".equals(event.getMessage().getHeaders().get("simpDestination"))) {
                template.convertAndSend("/topic/arrivals", "one more");
            }
        }
    }
}
