package com.example.everything;

import java.security.Principal;
import java.util.Map;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.config.annotation.EnableWebSocket;
import org.springframework.web.socket.config.annotation.WebSocketConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketHandlerRegistry;
import org.springframework.web.socket.handler.PerConnectionWebSocketHandler;
import org.springframework.web.socket.handler.TextWebSocketHandler;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.socket.server.HandshakeInterceptor;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;
import org.springframework.web.util.UriComponentsBuilder;

@Configuration
@EnableWebSocket
public class SocketConfig implements WebSocketConfigurer {
    private final RawHandler raw;
    private final Log log;

    public SocketConfig(RawHandler raw, Log log) {
        this.raw = raw;
        this.log = log;
    }

    /** One object for each connection. */
    public static class Counter extends TextWebSocketHandler {
        private int heard;

        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
            session.sendMessage(new TextMessage("heard " + ++heard));
        }
    }

    private static String query(ServerHttpRequest request, String name) {
        return UriComponentsBuilder.fromUri(request.getURI()).build().getQueryParams().getFirst(name);
    }

    /** Stands for a login; no way to serialize it. */
    public static class Visitor implements Principal {
        private final String name;

        Visitor(String name) {
            this.name = name;
        }

        @Override
        public String getName() {
            return name;
        }
    }

    public static class Login extends DefaultHandshakeHandler {
        @Override
        protected Principal determineUser(ServerHttpRequest request, WebSocketHandler handler, Map<String, Object> attributes) {
            String who = query(request, "who");
            return who == null ? null : new Visitor(who);
        }
    }

    public class Gate implements HandshakeInterceptor {
        @Override
        public boolean beforeHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Map<String, Object> attributes) {
            String who = query(request, "who");
            if ("nobody".equals(who)) {
                response.setStatusCode(HttpStatus.I_AM_A_TEAPOT);
                return false;
            }
            if (who != null) {
                attributes.put("who", who);
            }
            return true;
        }

        @Override
        public void afterHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Exception failure) {
            log.add("after handshake " + query(request, "who"));
        }
    }

    /** Two endpoints at one path: each has its own handler and its own interceptors. */
    public static class Marks extends TextWebSocketHandler {
        private final String name;

        Marks(String name) {
            this.name = name;
        }

        @Override
        protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
            session.sendMessage(new TextMessage(name + " " + session.getAttributes().get("mark")));
        }
    }

    public static class Mark implements HandshakeInterceptor {
        private final String name;

        Mark(String name) {
            this.name = name;
        }

        @Override
        public boolean beforeHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Map<String, Object> attributes) {
            attributes.put("mark", name);
            return true;
        }

        @Override
        public void afterHandshake(ServerHttpRequest request, ServerHttpResponse response, WebSocketHandler handler, Exception failure) {
        }
    }

    @Override
    public void registerWebSocketHandlers(WebSocketHandlerRegistry registry) {
        registry.addHandler(raw, "/raw/*").addInterceptors(new Gate()).setHandshakeHandler(new Login()).setAllowedOrigins("https://shop.example");
        registry.addHandler(new PerConnectionWebSocketHandler(Counter.class), "/per");
        registry.addHandler(new WebSocketHandlerDecorator(raw) {
            @Override
            public void afterConnectionEstablished(WebSocketSession session) throws Exception {
                session.sendMessage(new TextMessage("decorated"));
                super.afterConnectionEstablished(session);
            }
        }, "/decorated");
        registry.addHandler(raw, "/sock").addInterceptors(new Gate()).withSockJS();
        registry.addHandler(new Marks("plain"), "/both").addInterceptors(new Mark("plain"));
        registry.addHandler(new Marks("SockJS"), "/both").addInterceptors(new Mark("SockJS")).withSockJS();
    }

    @Bean
    ServerEndpointExporter exporter() {
        return new ServerEndpointExporter();
    }
}
