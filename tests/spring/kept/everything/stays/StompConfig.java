package com.example.everything;

import java.nio.charset.StandardCharsets;
import java.security.Principal;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.config.ChannelRegistration;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.messaging.support.MessageHeaderAccessor;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.messaging.SessionConnectEvent;
import org.springframework.web.socket.messaging.SessionConnectedEvent;
import org.springframework.web.socket.messaging.SessionDisconnectEvent;
import org.springframework.web.socket.messaging.SessionSubscribeEvent;
import org.springframework.web.socket.messaging.SessionUnsubscribeEvent;

/** The usual way to log in by a token: an interceptor looks at CONNECT's Authorization. */
@Configuration
@EnableWebSocketMessageBroker
public class StompConfig implements WebSocketMessageBrokerConfigurer {
    private final Log log;

    public StompConfig(Log log) {
        this.log = log;
    }

    public static class Token implements Principal {
        private final String name;

        Token(String name) {
            this.name = name;
        }

        @Override
        public String getName() {
            return name;
        }
    }

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/topic", "/queue");
        registry.setApplicationDestinationPrefixes("/app");
        registry.setUserDestinationPrefix("/me");
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/stomp");
        registry.addEndpoint("/stomp-sock").withSockJS();
    }

    @Override
    public void configureClientInboundChannel(ChannelRegistration registration) {
        registration.interceptors(new ChannelInterceptor() {
            @Override
            public Message<?> preSend(Message<?> message, MessageChannel channel) {
                StompHeaderAccessor accessor = MessageHeaderAccessor.getAccessor(message, StompHeaderAccessor.class);
                if (StompCommand.CONNECT.equals(accessor.getCommand())) {
                    String token = accessor.getFirstNativeHeader("Authorization");
                    if (token == null || !token.startsWith("Bearer ")) {
                        throw new IllegalArgumentException("no token");
                    }
                    accessor.setUser(new Token(token.substring(7)));
                    accessor.getSessionAttributes().put("user_id", accessor.getFirstNativeHeader("user_id"));
                } else if (StompCommand.SUBSCRIBE.equals(accessor.getCommand()) && accessor.getDestination().startsWith("/topic/secret")) {
                    throw new IllegalArgumentException("that is secret");
                } else if ("/app/secret".equals(accessor.getDestination())) {
                    throw new IllegalStateException("not: yours");
                }
                return message;
            }
        });
    }

    @Override
    public void configureClientOutboundChannel(ChannelRegistration registration) {
        registration.interceptors(new Marking("1"), new Marking("2"));
    }

    /** Two of these: in which order they see what is answered to one session, and what they make of it. */
    private class Marking implements ChannelInterceptor {
        private final String mark;

        Marking(String mark) {
            this.mark = mark;
        }

        private boolean isMine(Message<?> message) {
            return "/app/marked".equals(SimpMessageHeaderAccessor.getDestination(message.getHeaders()));
        }

        @Override
        public Message<?> preSend(Message<?> message, MessageChannel channel) {
            if (!isMine(message)) {
                return message;
            }
            log.add("marked before " + mark);
            String payload = new String((byte[]) message.getPayload(), StandardCharsets.UTF_8) + mark;
            return MessageBuilder.createMessage(payload.getBytes(StandardCharsets.UTF_8), message.getHeaders());
        }

        @Override
        public void postSend(Message<?> message, MessageChannel channel, boolean sent) {
            if (isMine(message)) {
                log.add("marked after " + mark);
            }
        }

        @Override
        public void afterSendCompletion(Message<?> message, MessageChannel channel, boolean sent, Exception e) {
            if (isMine(message)) {
                log.add("marked at last " + mark + " " + sent);
            }
        }
    }

    @EventListener
    void connect(SessionConnectEvent e) {
        log.add("connect " + name(e.getUser()));
    }

    @EventListener
    void connected(SessionConnectedEvent e) {
        log.add("connected " + name(e.getUser()));
    }

    @EventListener
    void subscribe(SessionSubscribeEvent e) {
        log.add("subscribe " + name(e.getUser()) + " " + StompHeaderAccessor.wrap(e.getMessage()).getDestination());
    }

    @EventListener
    void unsubscribe(SessionUnsubscribeEvent e) {
        log.add("unsubscribe " + name(e.getUser()) + " " + StompHeaderAccessor.wrap(e.getMessage()).getSubscriptionId());
    }

    @EventListener
    void disconnect(SessionDisconnectEvent e) {
        log.add("disconnect " + name(e.getUser()) + " " + e.getCloseStatus().getCode());
    }

    private static String name(Principal user) {
        return user == null ? null : user.getName() + " " + user.getClass().getSimpleName();
    }
}
