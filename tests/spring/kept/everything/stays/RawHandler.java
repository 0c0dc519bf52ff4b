package com.example.everything;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.BinaryMessage;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.SubProtocolCapable;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.AbstractWebSocketHandler;

@Component
public class RawHandler extends AbstractWebSocketHandler implements SubProtocolCapable {
    private final ExecutorService others;
    private final RedisTemplate<Object, Object> redis;
    private final Log log;

    /** Serializable, and not plain. */
    public static class Basket implements java.io.Serializable {
        private static final long serialVersionUID = 1;
        int apples;
    }

    /** No way to serialize it. */
    public static class Lock {
        int times;
    }

    public RawHandler(ExecutorService others, RedisTemplate<Object, Object> redis, Log log) {
        this.others = others;
        this.redis = redis;
        this.log = log;
    }

    @Override
    public List<String> getSubProtocols() {
        return Arrays.asList("v2.acme", "v1.acme");
    }

    @Override
    public void afterConnectionEstablished(WebSocketSession session) throws Exception {
        session.sendMessage(new TextMessage("opened " + session.getUri().getPath() + "?" + session.getUri().getQuery()));
        session.sendMessage(new TextMessage("attributes " + new TreeMap<>(session.getAttributes()).tailMap("a").headMap("z")));
        session.sendMessage(new TextMessage("for " + (session.getPrincipal() == null ? null : session.getPrincipal().getName())
            + " with " + session.getAcceptedProtocol() + " from " + session.getHandshakeHeaders().getFirst("User-Agent")));
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
        String[] words = message.getPayload().split(" ", 2);
        switch (words[0]) {
            case "count":
                session.getAttributes().merge("count", 1, (a, b) -> (Integer) a + (Integer) b);
                say(session, "count " + session.getAttributes().get("count"));
                break;
            case "apple":
                ((Basket) session.getAttributes().computeIfAbsent("basket", n -> new Basket())).apples++;
                say(session, "apples " + ((Basket) session.getAttributes().get("basket")).apples);
                break;
            case "many":
                say(session, "one");
                session.sendMessage(new BinaryMessage(new byte[] {0, 1, (byte) 255}));
                say(session, "");
                say(session, "three 世界");
                break;
            case "later":
                others.execute(() -> quietly(session, "later"));
                break;
            case "close":
                session.close(new CloseStatus(4001, "as you wish"));
                break;
            case "fail":
                throw new IllegalStateException("this handler fails");
            case "lock":
                session.getAttributes().computeIfAbsent("lock", n -> new Lock());
                ((Lock) session.getAttributes().get("lock")).times++;
                say(session, "locked " + ((Lock) session.getAttributes().get("lock")).times);
                break;
            case "open":
                say(session, "open " + session.isOpen());
                break;
            case "hold":
                log.hold(session);
                say(session, "held");
                break;
            case "save":
                redis.opsForValue().set("saved:" + words[1], session);
                say(session, "saved");
                break;
            default:
                say(session, message.getPayload());
        }
    }

    @Override
    protected void handleBinaryMessage(WebSocketSession session, BinaryMessage message) throws Exception {
        ByteBuffer in = message.getPayload();
        byte[] out = new byte[in.remaining()];
        for (int i = out.length - 1; i >= 0; i--) {
            out[i] = in.get();
        }
        session.sendMessage(new BinaryMessage(out));
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        log.add("raw closed " + status.getCode() + " " + status.getReason() + " " + session.getAttributes().get("count"));
    }

    private static void say(WebSocketSession session, String text) throws IOException {
        session.sendMessage(new TextMessage(text));
    }

    private static void quietly(WebSocketSession session, String text) {
        try {
            say(session, text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
