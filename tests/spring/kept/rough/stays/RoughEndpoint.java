package com.example.rough;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.websocket.CloseReason;
import javax.websocket.OnClose;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.RemoteEndpoint;
import javax.websocket.SendResult;
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
        if (text.equals("async")) {
            async(session);
            return;
        }
        if (text.startsWith("send ")) {
            for (int i = 0; i < Integer.parseInt(text.substring(5)); i++) {
                session.getBasicRemote().sendText("n" + i);
            }
            return;
        }
        session.getBasicRemote().sendText(text);
    }

    private interface Sending {
        void run(RemoteEndpoint.Async remote) throws Exception;
    }

    /** Every way to send of getAsyncRemote(), one after the other, and what is said of wrong ones. */
    private static void async(Session session) throws IOException {
        RemoteEndpoint.Async remote = session.getAsyncRemote();
        remote.setSendTimeout(5000);
        List<String> said = new ArrayList<>();
        said.add(String.valueOf(remote.getSendTimeout()));
        BlockingQueue<SendResult> results = new ArrayBlockingQueue<>(1);
        Sending[] all = {
            r -> r.sendText("one").get(5, TimeUnit.SECONDS),
            r -> r.sendText("two", results::add),
            r -> r.sendBinary(ByteBuffer.wrap(new byte[] {1, 2})).get(5, TimeUnit.SECONDS),
            r -> r.sendBinary(ByteBuffer.wrap(new byte[] {3}), results::add),
            r -> r.sendObject(3L).get(5, TimeUnit.SECONDS),
            r -> r.sendObject(4, results::add),
            r -> r.sendText(null),
            r -> r.sendText("x", null),
            r -> r.sendBinary(null),
            r -> r.sendObject(null),
        };
        for (Sending one : all) {
            said.add(tried(one, remote, results));
        }
        session.getBasicRemote().sendText(String.join(" ", said));
        session.close();
        String query = session.getQueryString();
        Calls.add(query, "of a closed session: " + tried(r -> session.getAsyncRemote(), remote, results));
    }

    private static String tried(Sending one, RemoteEndpoint.Async remote, BlockingQueue<SendResult> results) {
        try {
            one.run(remote);
            SendResult result = results.poll(200, TimeUnit.MILLISECONDS);
            return result == null ? "done" : String.valueOf(result.isOK());
        } catch (Exception e) {
            return e.getClass().getSimpleName();
        }
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
