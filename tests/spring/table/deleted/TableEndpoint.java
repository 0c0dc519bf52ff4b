package com.example.deleted;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.websocket.OnClose;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

@Component
@ServerEndpoint("/wsapp/{table}/{diner}")
public class TableEndpoint {
    private static final Set<Session> SESSIONS = ConcurrentHashMap.newKeySet();

    @OnOpen
    public void open(Session session, @PathParam("table") String table, @PathParam("diner") String diner) {
        SESSIONS.add(session);
    }

    @OnClose
    public void close(Session session) {
        SESSIONS.remove(session);
    }

    static void tell(String table, String except, String text) throws IOException {
        for (Session session : SESSIONS) {
            if (session.getPathParameters().get("table").equals(table) && !session.getPathParameters().get("diner").equals(except)) {
                synchronized (session) {
                    session.getBasicRemote().sendText(text);
                }
            }
        }
    }
}
