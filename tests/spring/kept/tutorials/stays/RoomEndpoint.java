package com.example.tutorials;

import java.io.IOException;
import javax.websocket.Decoder;
import javax.websocket.EncodeException;
import javax.websocket.Encoder;
import javax.websocket.EndpointConfig;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

/** The chat of enterprise tutorials: messages are objects, rooms are a property of the sessions, getOpenSessions is the list of who is there. */
@Component
@ServerEndpoint(value = "/rooms/{room}", encoders = RoomEndpoint.Writer.class, decoders = RoomEndpoint.Reader.class)
public class RoomEndpoint {

    public static class Said {
        final String sender;
        final String text;

        Said(String sender, String text) {
            this.sender = sender;
            this.text = text;
        }
    }

    public static class Writer implements Encoder.Text<Said> {
        @Override
        public String encode(Said said) {
            return said.sender + "|" + said.text;
        }

        @Override
        public void init(EndpointConfig config) {
        }

        @Override
        public void destroy() {
        }
    }

    public static class Reader implements Decoder.Text<Said> {
        @Override
        public Said decode(String text) {
            String[] parts = text.split("[|]", 2);
            return new Said(parts[0], parts[1]);
        }

        @Override
        public boolean willDecode(String text) {
            return text.contains("|");
        }

        @Override
        public void init(EndpointConfig config) {
        }

        @Override
        public void destroy() {
        }
    }

    @OnOpen
    public void open(Session session, @PathParam("room") String room) {
        session.getUserProperties().put("room", room);
    }

    @OnMessage
    public void said(Session session, Said message) throws IOException, EncodeException {
        session.getUserProperties().putIfAbsent("sender", message.sender);
        tell(session, message);
    }

    @OnClose
    public void close(Session session) throws IOException, EncodeException {
        Object sender = session.getUserProperties().get("sender");
        if (sender != null) {
            tell(session, new Said("room", sender + " has left"));
        }
    }

    private static void tell(Session session, Said message) throws IOException, EncodeException {
        for (Session one : session.getOpenSessions()) {
            if (one.isOpen() && session.getUserProperties().get("room").equals(one.getUserProperties().get("room"))) {
                one.getBasicRemote().sendObject(message);
            }
        }
    }
}
