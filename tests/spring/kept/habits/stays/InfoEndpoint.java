package com.example.habits;

import java.io.IOException;
import java.util.TreeMap;
import javax.websocket.CloseReason;
import javax.websocket.EndpointConfig;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.PathParam;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

/** What a session says of itself. */
@Component
@ServerEndpoint("/info/{who}/{n}")
public class InfoEndpoint {

    @OnOpen
    public void open(Session session, EndpointConfig config, @PathParam("who") String who) throws IOException {
        session.setMaxIdleTimeout(600_000);
        session.getUserProperties().put("who", who);
        session.getBasicRemote().sendText(String.join(" ", session.getRequestURI().getPath(), session.getProtocolVersion(), session.getQueryString(),
            new TreeMap<>(session.getPathParameters()).toString(), new TreeMap<>(session.getRequestParameterMap()).toString(),
            session.getNegotiatedSubprotocol(), session.getNegotiatedExtensions().toString(), String.valueOf(session.isSecure()),
            String.valueOf(session.getMaxIdleTimeout()), String.valueOf(session.getUserPrincipal()), String.valueOf(session.getContainer() != null),
            String.valueOf(session.getOpenSessions().contains(session))));
    }

    @OnMessage
    public String heard(String text, Session session, @PathParam("n") Integer n) throws IOException {
        if (text.equals("close")) {
            session.close(new CloseReason(CloseReason.CloseCodes.TRY_AGAIN_LATER, "later"));
            HabitsApplication.called((String) session.getPathParameters().get("who"), "after close " + session.isOpen());
            return null;
        }
        return text + (n + 1) + session.getUserProperties().get("who");
    }

    @OnClose
    public void close(CloseReason reason, Session session, @PathParam("who") String who) {
        HabitsApplication.called(who, "closed " + reason.getCloseCode() + " " + reason.getReasonPhrase() + " " + session.getUserProperties().get("who"));
    }
}
