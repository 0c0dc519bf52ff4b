package com.example.samples;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.PongMessage;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.PingMessage;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.AbstractWebSocketHandler;
import reactor.core.publisher.Mono;

/** Everything that cannot be as it was. */
public class Demanding extends AbstractWebSocketHandler {
    private CompletableFuture<String> answer;

    @Override
    public void afterConnectionEstablished(WebSocketSession session) throws Exception {
        session.setTextMessageSizeLimit(300_000);  // here: limit
    }

    @Override
    protected void handleTextMessage(WebSocketSession session, TextMessage message) throws Exception {
        if (answer != null) {
            answer.complete(message.getPayload());
            return;
        }
        answer = new CompletableFuture<>();
        session.sendMessage(new TextMessage("how are you?"));
        String heard = answer.get(10, TimeUnit.SECONDS);  // here: wait
        switch (heard) {
            case "well":
                Runnable ping = () -> {
                    try {
                        session.sendMessage(new PingMessage(ByteBuffer.wrap(new byte[1])));  // here: ping
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                };
                ping.run();
                break;
            default:
                break;
        }
    }

    @Override
    protected void handlePongMessage(WebSocketSession session, org.springframework.web.socket.PongMessage message) {
        answer = null;  // here: pong
    }

    @Override
    public boolean supportsPartialMessages() {
        return true;  // here: partial
    }

    /** Spring MVC's server does not ask it. */
    @Component
    public static class Reactive implements org.springframework.web.reactive.socket.WebSocketHandler {  // here: reactive
        @Override
        public Mono<Void> handle(org.springframework.web.reactive.socket.WebSocketSession session) {
            return Mono.empty();
        }
    }

    @Component
    @ServerEndpoint("/demanding-endpoint")
    public static class Endpoint {

        @OnOpen
        public void open(Session session) throws Exception {
            session.setMaxTextMessageBufferSize(Integer.getInteger("limit", 70_000));
            session.getBasicRemote().sendPing(ByteBuffer.wrap(new byte[1]));  // here: endpoint ping
        }

        @OnMessage
        public void pong(PongMessage pong, Session session) {
            session.getUserProperties().put("alive", true);  // here: endpoint pong
        }

        @OnMessage(maxMessageSize = 400_000)
        public String length(String text) {
            return String.valueOf(text.length());
        }
    }
}
