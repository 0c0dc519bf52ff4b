package com.example.habits;

import java.io.IOException;
import java.util.List;
import javax.websocket.HandshakeResponse;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.HandshakeRequest;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;
import org.springframework.stereotype.Component;

public final class TokenEndpoints {
    private TokenEndpoints() {}

    public static class Tokens extends ServerEndpointConfig.Configurator {
        @Override
        public void modifyHandshake(ServerEndpointConfig config, HandshakeRequest request, HandshakeResponse response) {
            List<String> token = request.getHeaders().get(TokenFilter.TOKEN);
            response.getHeaders().put(TokenFilter.TOKEN, token);
            config.getUserProperties().put("token", token.get(0));
        }
    }

    @Component
    @ServerEndpoint(value = "/by-configurator", configurator = Tokens.class)
    public static class ByConfigurator {
        @OnOpen
        public void open(Session session) throws IOException {
            session.getBasicRemote().sendText("open " + session.getUserProperties().get("token"));
        }

        @OnMessage
        public String echo(String text) {
            return text;
        }
    }

    @Component
    @ServerEndpoint("/by-filter-endpoint")
    public static class ByFilter {
        @OnMessage
        public String echo(String text) {
            return text;
        }
    }
}
