package com.example.habits;

import java.util.Map;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.web.socket.BinaryMessage;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.TextWebSocketHandler;
import org.springframework.web.socket.server.HandshakeHandler;
import org.springframework.web.socket.server.HandshakeInterceptor;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;
import org.springframework.web.socket.server.standard.ServerEndpointRegistration;
import org.springframework.web.socket.server.standard.ServletServerContainerFactoryBean;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;

@Configuration
@EnableWebSocket
public class SocketConfig implements WebSocketConfigurer {

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(new Parts(), "/by-filter", "/parts");
        registry.addHandler(new Parts(), "/by-own-handshake").setHandshakeHandler(new Own());
        registry.addHandler(new Parts(), "/by-interceptor").addInterceptors(new Tokens());
    }

    @Bean
    ServerEndpointExporter exporter() {
        return new ServerEndpointExporter();
    }

    @Bean
    ServerEndpointRegistration listening() {
        return new ServerEndpointRegistration("/listening", ListeningEndpoint.class);
    }

    @Bean
    ServletServerContainerFactoryBean container() {
        ServletServerContainerFactoryBean container = new ServletServerContainerFactoryBean();
        container.setMaxTextMessageBufferSize(300_000);
        container.setMaxSessionIdleTimeout(900_000L);
        return container;
    }

    static class Tokens implements HandshakeInterceptor {
        @Override
        public boolean beforeHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Map<String, Object> attributes) {
            String token = request.getHeaders().getFirst(TokenFilter.TOKEN);
            response.getHeaders().set(TokenFilter.TOKEN, token);
            attributes.put("token", token);
            return true;
        }

        @Override
        public void afterHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Exception failure) {}
    }

    static class Own implements HandshakeHandler {
        private final DefaultHandshakeHandler spring = new DefaultHandshakeHandler();

        @Override
        public boolean doHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Map<String, Object> attributes) {
            if (request.getURI().getQuery() == null) {
                response.setStatusCode(HttpStatus.UNAUTHORIZED);
                return false;
            }
            return spring.doHandshake(request, response, handler, attributes);
        }
    }

    static class Parts extends TextWebSocketHandler {
        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
            if (!message.getPayload().equals("parts")) {
                session.sendMessage(new TextMessage(String.valueOf(message.getPayloadLength())));
                return;
            }
            session.sendMessage(new TextMessage("one ", false));
            session.sendMessage(new TextMessage("text", true));
            session.sendMessage(new BinaryMessage(new byte[] {1}, false));
            session.sendMessage(new BinaryMessage(new byte[] {2, 3}, true));
            session.sendMessage(new TextMessage("behind"));
        }
    }
}
