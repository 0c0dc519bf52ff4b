package com.example.deleted;

import java.io.IOException;
import java.io.UncheckedIOException;
import javax.websocket.Session;
import org.springframework.data.redis.connection.Message;
import org.springframework.data.redis.connection.MessageListener;
import org.springframework.stereotype.Component;

@Component
public class SubscribeListener implements MessageListener {

    @Override
    public void onMessage(Message message, byte[] pattern) {
        String text = new String(message.getBody());
        for (Session session : CacheSessionMap.all()) {
            try {
                CacheSessionMap.send(session, text);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
