package com.example.deleted;

import com.example.table.OrderMessage;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.springframework.data.redis.connection.Message;
import org.springframework.data.redis.connection.MessageListener;
import org.springframework.data.redis.serializer.RedisSerializer;
import org.springframework.stereotype.Component;

@Component
public class OrderDishesListener implements MessageListener {
    private final RedisSerializer<Object> jsonRedisSerializer;
    private final ObjectMapper mapper;

    public OrderDishesListener(RedisSerializer<Object> jsonRedisSerializer, ObjectMapper mapper) {
        this.jsonRedisSerializer = jsonRedisSerializer;
        this.mapper = mapper;
    }

    @Override
    public void onMessage(Message message, byte[] pattern) {
        try {
            OrderMessage order = (OrderMessage) jsonRedisSerializer.deserialize(message.getBody());
            TableEndpoint.tell(order.getTableId(), order.getFrom(), mapper.writeValueAsString(order));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
