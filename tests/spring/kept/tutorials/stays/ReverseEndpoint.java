package com.example.tutorials;

import java.io.IOException;
import javax.websocket.Endpoint;
import javax.websocket.EndpointConfig;
import javax.websocket.MessageHandler;
import javax.websocket.Session;

/** A programmatic endpoint, with a message handler that is an inner class. */
public class ReverseEndpoint extends Endpoint {

    @Override
    public void onOpen(Session session, EndpointConfig config) {
        session.addMessageHandler(new MessageHandler.Whole<String>() {
            @Override
            public void onMessage(String text) {
                try {
                    session.getBasicRemote().sendText(new StringBuilder(text).reverse().toString());
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }
        });
    }
}
