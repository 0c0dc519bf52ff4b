package com.example.everything;

import javax.websocket.OnMessage;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

/** Without a map of its own: the container knows the sessions. */
@Component
@ServerEndpoint("/crowd")
public class CrowdEndpoint {

    @OnMessage
    public void say(String text, Session session) {
        for (Session one : session.getOpenSessions()) {
            one.getAsyncRemote().sendText(text);
        }
    }
}
