package com.example.everything;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import javax.servlet.http.HttpSession;
import javax.websocket.CloseReason;
import javax.websocket.DecodeException;
import javax.websocket.Decoder;
import javax.websocket.EncodeException;
import javax.websocket.Encoder;
import javax.websocket.EndpointConfig;
import javax.websocket.HandshakeResponse;
import javax.websocket.OnClose;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.HandshakeRequest;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;
import org.springframework.stereotype.Component;

@Component
@ServerEndpoint(value = "/points/{plane}/{n}", encoders = PointEndpoint.PointCoder.class, decoders = PointEndpoint.PointCoder.class,
    subprotocols = {"points.v1"}, configurator = PointEndpoint.Handshakes.class)
public class PointEndpoint {
    private int heard;  // of this connection

    public static class Point {
        final int x;
        final int y;

        Point(int x, int y) {
            this.x = x;
            this.y = y;
        }
    }

    public static class PointCoder implements Encoder.Text<Point>, Decoder.Text<Point> {
        @Override
        public String encode(Point p) {
            return p.x + "," + p.y;
        }

        @Override
        public Point decode(String s) throws DecodeException {
            String[] parts = s.split(",");
            try {
                return new Point(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
            } catch (RuntimeException e) {
                throw new DecodeException(s, "no point");
            }
        }

        @Override
        public boolean willDecode(String s) {
            return true;
        }

        @Override
        public void init(EndpointConfig config) {}

        @Override
        public void destroy() {}
    }

    public static class Handshakes extends ServerEndpointConfig.Configurator {
        @Override
        public void modifyHandshake(ServerEndpointConfig config, HandshakeRequest request, HandshakeResponse response) {
            HttpSession session = (HttpSession) request.getHttpSession();
            config.getUserProperties().put("agent", request.getHeaders().getOrDefault("user-agent", Collections.singletonList("none")).get(0));
            config.getUserProperties().put("session", session != null);
            config.getUserProperties().put("tag", request.getParameterMap().getOrDefault("tag", Collections.singletonList("none")).get(0));
        }
    }

    @OnOpen
    public void open(Session session, EndpointConfig config, @PathParam("plane") String plane, @PathParam("n") int n) throws IOException {
        session.getBasicRemote().sendText("plane " + plane + " " + (n + 1) + " " + config.getUserProperties().get("agent") + " "
            + session.getUserProperties().get("tag") + " " + session.getQueryString() + " " + session.getNegotiatedSubprotocol() + " "
            + session.getRequestParameterMap().get("n"));
    }

    @OnMessage
    public Point move(Point p, Session session) throws IOException, EncodeException {
        heard++;
        session.getUserProperties().put("heard", heard);
        if (p.x < 0) {
            throw new IllegalArgumentException("off the plane");
        }
        session.getBasicRemote().sendObject(new Point(p.x * 2, p.y * 2));
        session.getBasicRemote().sendText("heard " + heard);
        return new Point(p.x + 1, p.y + 1);
    }

    @OnMessage
    public byte[] bytes(byte[] in, boolean last) {
        return new byte[] {(byte) in.length, (byte) (last ? 1 : 0)};
    }

    @OnError
    public void failed(Session session, Throwable error, @PathParam("plane") String plane) throws IOException {
        session.getBasicRemote().sendText("error on " + plane + ": " + error.getMessage());
    }

    @OnClose
    public void close(Session session, CloseReason reason, @PathParam("plane") String plane) {
        CLOSED.add("closed " + plane + " " + reason.getCloseCode().getCode() + " " + reason.getReasonPhrase() + " " + session.getUserProperties().get("heard"));
    }

    static final List<String> CLOSED = new java.util.concurrent.CopyOnWriteArrayList<>();
}
