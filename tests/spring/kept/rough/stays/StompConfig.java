package com.example.rough;

import java.nio.charset.StandardCharsets;
import java.security.Principal;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.simp.config.ChannelRegistration;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.messaging.support.MessageHeaderAccessor;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketTransportRegistration;
import org.springframework.web.socket.messaging.StompSubProtocolErrorHandler;

@Configuration
@EnableWebSocketMessageBroker
public class StompConfig implements WebSocketMessageBrokerConfigurer {

    @Override
    public void configureMessageBroker(MessageBrokerRegistry registry) {
        registry.enableSimpleBroker("/topic", "/queue");
        registry.setApplicationDestinationPrefixes("/app");
    }

    @Override
    public void registerStompEndpoints(StompEndpointRegistry registry) {
        registry.addEndpoint("/rough-stomp").setAllowedOriginPatterns("*");
        registry.setErrorHandler(new StompSubProtocolErrorHandler() {  // here: errors
            @Override
            public Message<byte[]> handleClientMessageProcessingError(Message<byte[]> message, Throwable e) {
                String destination = StompHeaderAccessor.wrap(message).getDestination();
                if ("/app/unwanted".equals(destination)) {
                    return null;
                }
                StompHeaderAccessor accessor = StompHeaderAccessor.create(StompCommand.ERROR);
                accessor.setMessage("UNAUTHORIZED");
                byte[] body = new byte[0];
                if (destination != null) {
                    accessor.setNativeHeader("code", "42: 张");
                    accessor.setContentType(MimeTypeUtils.APPLICATION_JSON);
                    body = ("{\"why\":\"" + e.getCause().getMessage() + "\"}").getBytes(StandardCharsets.UTF_8);
                }
                accessor.setLeaveMutable(true);
                return MessageBuilder.createMessage(body, accessor.getMessageHeaders());
            }
        });
    }

    @Override
    public void configureWebSocketTransport(WebSocketTransportRegistration registration) {
        registration.setMessageSizeLimit(200_000);
    }

    /** Logs in whoever says who it is. */
    @Override
    public void configureClientInboundChannel(ChannelRegistration registration) {
        registration.interceptors(new ChannelInterceptor() {
            @Override
            public Message<?> preSend(Message<?> message, MessageChannel channel) {
                StompHeaderAccessor accessor = MessageHeaderAccessor.getAccessor(message, StompHeaderAccessor.class);
                String login = accessor.getLogin();
                if (StompCommand.CONNECT.equals(accessor.getCommand()) && login != null) {
                    if (login.equals("mallory")) {
                        throw new IllegalArgumentException("not you");
                    }
                    Principal who = () -> login;
                    accessor.setUser(who);
                }
                if (StompCommand.UNSUBSCRIBE.equals(accessor.getCommand()) && "stay".equals(accessor.getSubscriptionId())) {
                    throw new IllegalArgumentException("you stay");
                }
                if ("/app/unwanted".equals(accessor.getDestination())) {
                    throw new IllegalArgumentException("nobody wants it");
                }
                if (accessor.getDestination() != null && accessor.getDestination().endsWith("/refused")) {
                    throw new IllegalArgumentException("not for 你");
                }
                return message;
            }
        });
    }

    @Override
    public void configureClientOutboundChannel(ChannelRegistration registration) {
        registration.interceptors(new ChannelInterceptor() {  // here: outbound
            @Override
            public Message<?> preSend(Message<?> message, MessageChannel channel) {
                return message;
            }
        });
    }
}
