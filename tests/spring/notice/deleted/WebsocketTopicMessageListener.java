package com.example.deleted;

import com.example.notice.UserNotice;
import com.example.notice.Users;
import com.google.gson.Gson;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.springframework.data.redis.connection.Message;
import org.springframework.data.redis.connection.MessageListener;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.TextMessage;

/** In every JVM: sends what concerns one of its own sessions. */
@Component
public class WebsocketTopicMessageListener implements MessageListener {
    private final RedisTemplate<String, String> redisTemplate;
    private final Gson gson;
    private final Users users;
    private final UserMessagesHandler handler;

    public WebsocketTopicMessageListener(RedisTemplate<String, String> redisTemplate, Gson gson, Users users, UserMessagesHandler handler) {
        this.redisTemplate = redisTemplate;
        this.gson = gson;
        this.users = users;
        this.handler = handler;
    }

    @Override
    public void onMessage(Message message, byte[] pattern) {
        String itemValue = (String) redisTemplate.getValueSerializer().deserialize(message.getBody());
        String loginName = users.loginNameOf(gson.fromJson(itemValue, UserNotice.class).getUserId());
        try {
            if (loginName != null) {
                handler.sendMessageToUser(loginName, new TextMessage(itemValue));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
