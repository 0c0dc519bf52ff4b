package com.example.war;

import java.io.IOException;
import javax.servlet.http.HttpSession;
import javax.websocket.CloseReason;
import javax.websocket.HandshakeResponse;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.HandshakeRequest;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;

@ServerEndpoint(value = "/echo/{name}", configurator = WarEndpoint.Handshakes.class)
public class WarEndpoint {
    private String name;

    public static class Handshakes extends ServerEndpointConfig.Configurator {
        @Override
        public void modifyHandshake(ServerEndpointConfig config, HandshakeRequest request, HandshakeResponse response) {
            HttpSession session = (HttpSession) request.getHttpSession();
            config.getUserProperties().put("login", session == null ? "none" : session.getAttribute("login"));
        }
    }

    @OnOpen
    public void open(Session session, @PathParam("name") String name) throws IOException {
        this.name = name;
        session.getBasicRemote().sendText("hello " + name + " " + session.getUserProperties().get("login"));
    }

    @OnMessage
    public String echo(String text) {
        return name + " said " + text;
    }

    @OnClose
    public void close(CloseReason reason) {
        System.out.println("closed " + name + " " + reason.getCloseCode().getCode());
    }
}
