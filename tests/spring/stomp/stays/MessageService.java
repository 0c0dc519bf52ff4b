package com.example.desk;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Service;

@Service
public class MessageService {
    private final StringRedisTemplate redisTemplate;
    private final ObjectMapper mapper;

    public MessageService(StringRedisTemplate redisTemplate, ObjectMapper mapper) {
        this.redisTemplate = redisTemplate;
        this.mapper = mapper;
    }

    public void send(String to, String destination, Object payload) throws JsonProcessingException {
        String message = mapper.writeValueAsString(Map.of("to", to, "destination", destination, "payload", payload));
        redisTemplate.opsForList().leftPush("websocket:msg:list", message);
    }
}
