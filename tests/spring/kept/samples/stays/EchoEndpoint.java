package com.example.samples;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.stereotype.Component;

/** Sessions by their id, properties of the session, the asynchronous remote, a service by a static setter. */
@Component
@ServerEndpoint("/echo")
public class EchoEndpoint {
    private static final Map<String, Session> SESSIONS = new ConcurrentHashMap<>();
    private static Users users;

    @Autowired
    public void setUsers(Users users) {
        EchoEndpoint.users = users;
    }

    @OnOpen
    public void open(Session session) {
        SESSIONS.put(session.getId(), session);
        session.setMaxIdleTimeout(3600000);
        session.getUserProperties().put("name", "nobody");
    }

    @OnMessage(maxMessageSize = 200000)
    public void message(Session session, String text) {
        if (text.startsWith("I am ")) {
            session.getUserProperties().put("name", text.substring(5));
        }
        String line = session.getUserProperties().get("name") + " of " + SESSIONS.size() + ": " + text + users.suffix();
        SESSIONS.values().stream().filter(Session::isOpen).forEach(s -> s.getAsyncRemote().sendText(line));
    }

    @OnClose
    public void close(Session session) {
        SESSIONS.remove(session.getId());
    }

    /** By a name that a session was given in an event, wherever that was. */
    static int tell(String name, String text) {
        int found = 0;
        for (Session s : SESSIONS.values()) {
            if (name.equals(s.getUserProperties().get("name"))) {
                s.getAsyncRemote().sendText(text);
                found++;
            }
        }
        return found;
    }
}
