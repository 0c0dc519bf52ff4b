package com.example.rough;

import java.io.IOException;
import javax.websocket.CloseReason;
import javax.websocket.OnClose;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

@Component
@ServerEndpoint("/rough-endpoint")
public class RoughEndpoint {

    @OnOpen
    public void open(Session session) throws IOException {
        if (session.getQueryString().endsWith("&close")) {
            session.close(new CloseReason(CloseReason.CloseCodes.VIOLATED_POLICY, "no token"));
        }
    }

    @OnMessage
    public void heard(Session session, String text) throws IOException {
        if (text.equals("error")) {
            throw new AssertionError("no exception, an error");
        }
        if (text.startsWith("send ")) {
            for (int i = 0; i < Integer.parseInt(text.substring(5)); i++) {
                session.getBasicRemote().sendText("n" + i);
            }
            return;
        }
        session.getBasicRemote().sendText(text);
    }

    @OnError
    public void failed(Session session, Throwable error) {
        Calls.add(session.getQueryString(), "transport error");
    }

    @OnClose
    public void closed(Session session, CloseReason reason) {
        Calls.add(session.getQueryString(), "closed " + reason.getCloseCode().getCode());
    }
}
