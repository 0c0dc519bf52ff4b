package com.example.samples;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.servlet.http.HttpSession;
import javax.websocket.EndpointConfig;
import javax.websocket.HandshakeResponse;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.HandshakeRequest;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;
import org.springframework.stereotype.Component;

/** Who speaks is in the HttpSession, which a Configurator keeps for the endpoint. */
@Component
@ServerEndpoint(value = "/session-chat", configurator = SessionChat.GetHttpSession.class)
public class SessionChat {
    private static final Map<String, SessionChat> ONLINE = new ConcurrentHashMap<>();
    private Session session;
    private HttpSession httpSession;

    public static class GetHttpSession extends ServerEndpointConfig.Configurator {
        @Override
        public void modifyHandshake(ServerEndpointConfig config, HandshakeRequest request, HandshakeResponse response) {
            config.getUserProperties().put(HttpSession.class.getName(), request.getHttpSession());
        }
    }

    @OnOpen
    public void onOpen(Session session, EndpointConfig config) {
        this.session = session;
        this.httpSession = (HttpSession) config.getUserProperties().get(HttpSession.class.getName());
        ONLINE.put((String) httpSession.getAttribute("cart"), this);
    }

    @OnMessage
    public void onMessage(String text) throws IOException {
        for (SessionChat one : ONLINE.values()) {
            one.session.getBasicRemote().sendText(httpSession.getAttribute("cart") + " of " + ONLINE.keySet().size() + ": " + text);
        }
    }

    @OnClose
    public void onClose() {
        ONLINE.remove((String) httpSession.getAttribute("cart"));
    }
}
