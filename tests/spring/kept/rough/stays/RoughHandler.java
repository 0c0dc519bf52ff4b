package com.example.rough;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.web.socket.BinaryMessage;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.ConcurrentWebSocketSessionDecorator;
import org.springframework.web.socket.handler.TextWebSocketHandler;

public class RoughHandler extends TextWebSocketHandler {
    private final Map<String, WebSocketSession> sessions = new ConcurrentHashMap<>();
    private final Map<String, ScheduledFuture<?>> tickers = new ConcurrentHashMap<>();
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);

    /** An attribute whose serialization is deeper than a thread's stack. */
    public static class Chain implements java.io.Serializable {
        private static final long serialVersionUID = 1;
        private Chain next;

        static Chain of(int links) {
            Chain first = null;
            for (int i = 0; i < links; i++) {
                Chain one = new Chain();
                one.next = first;
                first = one;
            }
            return first;
        }
    }

    private static void numbered(WebSocketSession session, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            session.sendMessage(new TextMessage("n" + i));
        }
    }

    @Override
    public void afterConnectionEstablished(WebSocketSession session) throws Exception {
        String query = session.getUri().getQuery().split("&", -1)[1];  // name&mode
        sessions.put(session.getId(), new ConcurrentWebSocketSessionDecorator(session, 5000, 512 * 1024));
        if (query.startsWith("send=")) {
            numbered(session, Integer.parseInt(query.substring(5)));
        } else if (query.equals("close")) {
            session.close(CloseStatus.POLICY_VIOLATION.withReason("no token"));
        } else if (query.equals("fail")) {
            throw new IllegalStateException("cannot open");
        } else if (query.equals("at-once")) {
            timer.execute(() -> later(session.getId(), "at once"));
        } else if (query.equals("tick")) {
            tickers.put(session.getId(), timer.scheduleAtFixedRate(() -> later(session.getId(), "tick"), 50, 50, TimeUnit.MILLISECONDS));
        }
    }

    private void later(String id, String text) {
        try {
            WebSocketSession session = sessions.get(id);
            if (session != null && session.isOpen()) {
                session.sendMessage(new TextMessage(text));
            }
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
        String[] words = message.getPayload().split(" ", 2);
        switch (words[0]) {
            case "send":
                numbered(session, Integer.parseInt(words[1]));
                break;
            case "send-and-close":
                numbered(session, Integer.parseInt(words[1]));
                session.close(new CloseStatus(4007, "that was all"));
                break;
            case "large":
                session.sendMessage(new TextMessage("before"));
                try {
                    session.sendMessage(new BinaryMessage(new byte[Integer.parseInt(words[1])]));
                } catch (IOException e) {
                    session.sendMessage(new TextMessage("too large"));
                }
                session.sendMessage(new TextMessage("after"));
                break;
            case "error":
                throw new AssertionError("no exception, an error");
            case "chain":
                session.getAttributes().put("chain", Chain.of(Integer.parseInt(words[1])));
                session.sendMessage(new TextMessage("chained " + (session.getAttributes().get("chain") != null)));
                break;
            case "slow":
                Thread.sleep(Integer.parseInt(words[1]));
                session.sendMessage(new TextMessage("slept"));
                break;
            case "say-and-sleep":
            case "say-sleep-and-close":
                session.sendMessage(new TextMessage("before"));
                Thread.sleep(Integer.parseInt(words[1]));
                session.getAttributes().put("count", 0);
                session.sendMessage(new TextMessage("slept"));
                session.sendMessage(new TextMessage("after"));
                if (words[0].endsWith("close")) {
                    session.close(new CloseStatus(4009, "late"));
                }
                break;
            case "count":
                session.getAttributes().merge("count", 1, (a, b) -> (Integer) a + (Integer) b);
                session.sendMessage(new TextMessage("counted " + session.getAttributes().get("count")));
                break;
            case "others":
                for (WebSocketSession one : new ArrayList<>(sessions.values())) {
                    if (one.isOpen() && !one.getId().equals(session.getId())) {
                        one.sendMessage(new TextMessage(words[1]));
                    }
                }
                break;
            case "twice":
                session.close();
                session.close(new CloseStatus(4008));
                try {
                    session.sendMessage(new TextMessage("too late"));
                } catch (IllegalStateException e) {
                    Calls.add(session, "still open: " + session.isOpen());
                }
                break;
            default:
                session.sendMessage(message);
        }
    }

    @Override
    public void handleTransportError(WebSocketSession session, Throwable exception) {
        Calls.add(session, "transport error");
        sessions.remove(session.getId());
    }

    @Override
    public void afterConnectionClosed(WebSocketSession session, CloseStatus status) {
        sessions.remove(session.getId());
        ScheduledFuture<?> ticker = tickers.remove(session.getId());
        if (ticker != null) {
            ticker.cancel(false);
        }
        Calls.add(session, "closed " + status.getCode());
    }
}
