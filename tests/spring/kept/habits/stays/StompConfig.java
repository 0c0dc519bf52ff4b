package com.example.habits;

import java.security.Principal;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.converter.AbstractMessageConverter;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.AntPathMatcher;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketTransportRegistration;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;

@Configuration
@EnableWebSocketMessageBroker
public class StompConfig implements WebSocketMessageBrokerConfigurer {
    /** Who is here, so that somebody can be asked to leave. */
    static final Map<String, WebSocketSession> SESSIONS = new ConcurrentHashMap<>();

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/topic", "/queue").setHeartbeatValue(new long[] {20_000, 15_500}).setTaskScheduler(scheduler());
        registry.setApplicationDestinationPrefixes("/app", "/api");
        registry.setPathMatcher(new AntPathMatcher("."));
        registry.setPreservePublishOrder(true);
    }

    @Bean
    ThreadPoolTaskScheduler scheduler() {
        return new ThreadPoolTaskScheduler();
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        DefaultHandshakeHandler named = new DefaultHandshakeHandler() {
            @Override
            protected Principal determineUser(ServerHttpRequest request, WebSocketHandler handler, Map<String, Object> attributes) {
                String name = request.getURI().getQuery();
                return name == null ? null : () -> name;
            }
        };
        registry.addEndpoint("/stomp").setHandshakeHandler(named);
        registry.addEndpoint("/stomp-too").setHandshakeHandler(named);
    }

    @Override
    public void configureWebSocketTransport(WebSocketTransportRegistration registration) {
        registration.addDecoratorFactory(handler -> new WebSocketHandlerDecorator(handler) {
            @Override
            public void afterConnectionEstablished(WebSocketSession session) throws Exception {
                String name = session.getPrincipal() == null ? "nobody" : session.getPrincipal().getName();
                if (name.startsWith("banned")) {
                    HabitsApplication.called(name, "banned");
                    session.close(new CloseStatus(4001, "banned"));
                    return;
                }
                SESSIONS.put(name, session);
                HabitsApplication.called(name, "opened " + session.isOpen());
                super.afterConnectionEstablished(session);
            }

            @Override
            public void afterConnectionClosed(WebSocketSession session, CloseStatus status) throws Exception {
                String name = session.getPrincipal() == null ? "nobody" : session.getPrincipal().getName();
                SESSIONS.remove(name);
                HabitsApplication.called(name, "closed " + status.getCode());
                super.afterConnectionClosed(session, status);
            }
        });
    }

    public static class Money {
        final int cents;

        Money(int cents) {
            this.cents = cents;
        }
    }

    @Override
    public boolean configureMessageConverters(List<MessageConverter> converters) {
        converters.add(new AbstractMessageConverter(MimeTypeUtils.parseMimeType("application/x-money")) {
            @Override
            protected boolean supports(Class<?> type) {
                return type == Money.class;
            }

            @Override
            protected Object convertFromInternal(Message<?> message, Class<?> target, Object hint) {
                return new Money(Integer.parseInt(new String((byte[]) message.getPayload()).replace(".", "")));
            }

            @Override
            protected Object convertToInternal(Object payload, MessageHeaders headers, Object hint) {
                int cents = ((Money) payload).cents;
                return (cents / 100 + "." + cents % 100).getBytes();
            }
        });
        return true;
    }
}
