package com.example.notice;

import com.google.gson.Gson;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.stereotype.Service;

@Service
public class NoticeService {
    private final RedisTemplate<String, String> redisTemplate;
    private final Gson gson;

    public NoticeService(RedisTemplate<String, String> redisTemplate, Gson gson) {
        this.redisTemplate = redisTemplate;
        this.gson = gson;
    }

    public void sendNotification(UserNotice userNotice) {
        redisTemplate.convertAndSend("websocket:sendMsgTopic", gson.toJson(userNotice));
    }
}
