package com.example.table;

import org.springframework.data.redis.core.RedisTemplate;

public class OrderFoodWebSocketService {
    public static final String TOPIC_ORDER_FOOD = "websocket:order_food";
    private final RedisTemplate<?, ?> redisTemplate;

    public OrderFoodWebSocketService(RedisTemplate<?, ?> redisTemplate) {
        this.redisTemplate = redisTemplate;
    }

    public void sendMessage(Object message) {
        redisTemplate.convertAndSend(TOPIC_ORDER_FOOD, message);
    }
}
