package com.example.deleted;

import java.io.IOException;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.websocket.Session;

/** The sessions of this JVM, by session id or by user id. */
public final class CacheSessionMap {
    private static final Map<String, Session> BY_ID = new ConcurrentHashMap<>();
    private static final Map<String, Session> BY_USER = new ConcurrentHashMap<>();

    private CacheSessionMap() {}

    public static void put(Session session, String user) {
        BY_ID.put(session.getId(), session);
        BY_USER.put(user, session);
    }

    public static void remove(Session session) {
        BY_ID.remove(session.getId());
        BY_USER.values().remove(session);
    }

    public static Session get(String idOrUser) {
        Session session = BY_ID.get(idOrUser);
        return session == null ? BY_USER.get(idOrUser) : session;
    }

    public static void send(Session session, String text) throws IOException {
        synchronized (session) {  // two threads that send at once end the connection
            session.getBasicRemote().sendText(text);
        }
    }

    public static Collection<Session> all() {
        return BY_ID.values();
    }
}
