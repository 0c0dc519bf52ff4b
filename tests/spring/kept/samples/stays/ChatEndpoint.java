package com.example.samples;

import java.io.IOException;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.atomic.AtomicInteger;
import javax.websocket.OnClose;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

/** The endpoint of many tutorials: a static set of its own objects, a count of who is online, a static method for everybody else. */
@Component
@ServerEndpoint("/imserver/{sid}")
public class ChatEndpoint {
    private static final AtomicInteger ONLINE = new AtomicInteger();
    private static final CopyOnWriteArraySet<ChatEndpoint> ALL = new CopyOnWriteArraySet<>();
    private Session session;
    private String sid = "";

    @OnOpen
    public void onOpen(Session session, @PathParam("sid") String sid) throws IOException {
        this.session = session;
        this.sid = sid;
        ALL.add(this);
        ONLINE.incrementAndGet();
        sendMessage("welcome");
        sendInfo(sid + " is here", null);
    }

    @OnClose
    public void onClose() throws IOException {
        ALL.remove(this);
        ONLINE.decrementAndGet();
        sendInfo(sid + " has gone", null);
    }

    @OnMessage
    public void onMessage(String message, Session session) throws IOException {
        for (ChatEndpoint item : ALL) {
            item.sendMessage(sid + ": " + message);
        }
    }

    @OnError
    public void onError(Session session, Throwable error) {
        error.printStackTrace();
    }

    public void sendMessage(String message) throws IOException {
        this.session.getBasicRemote().sendText(message);
    }

    public static void sendInfo(String message, String sid) throws IOException {
        for (ChatEndpoint item : ALL) {
            if (sid == null || item.sid.equals(sid)) {
                item.sendMessage(message);
            }
        }
    }

    public static int online() {
        return ONLINE.get();
    }
}
