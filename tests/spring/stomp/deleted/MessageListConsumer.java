package com.example.deleted;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.user.SimpUserRegistry;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/** Each server looks through the list for messages to users that it holds. */
@Component
public class MessageListConsumer {
    private final StringRedisTemplate redisTemplate;
    private final SimpUserRegistry users;
    private final SimpMessagingTemplate template;
    private final ObjectMapper mapper;

    public MessageListConsumer(StringRedisTemplate redisTemplate, SimpUserRegistry users, SimpMessagingTemplate template,
            ObjectMapper mapper) {
        this.redisTemplate = redisTemplate;
        this.users = users;
        this.template = template;
        this.mapper = mapper;
    }

    @Scheduled(fixedDelay = 100)
    public void look() throws JsonProcessingException {
        for (String text : redisTemplate.opsForList().range("websocket:msg:list", 0, -1)) {
            JsonNode message = mapper.readTree(text);
            String to = message.get("to").asText();
            if (users.getUser(to) != null && redisTemplate.opsForList().remove("websocket:msg:list", 1, text) == 1) {
                template.convertAndSendToUser(to, message.get("destination").asText(), message.get("payload"));
            }
        }
    }
}
