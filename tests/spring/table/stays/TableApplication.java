package com.example.table;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.jsontype.impl.LaissezFaireSubTypeValidator;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.serializer.GenericJackson2JsonRedisSerializer;
import org.springframework.data.redis.serializer.Jackson2JsonRedisSerializer;
import org.springframework.data.redis.serializer.RedisSerializer;

/** A restaurant whose tables order by phone. One service for each way of serializing that such apps have. */
@SpringBootApplication
public class TableApplication {

    public static void main(String[] args) {
        SpringApplication.run(TableApplication.class, args);
    }

    @Bean
    OrderFoodWebSocketService string(StringRedisTemplate redisTemplate) {
        return new OrderFoodWebSocketService(redisTemplate);
    }

    @Bean
    OrderFoodWebSocketService json(RedisConnectionFactory factory, RedisSerializer<Object> jsonRedisSerializer) {
        return new OrderFoodWebSocketService(template(factory, jsonRedisSerializer));
    }

    @Bean
    OrderFoodWebSocketService genericJson(RedisConnectionFactory factory) {
        return new OrderFoodWebSocketService(template(factory, new GenericJackson2JsonRedisSerializer()));
    }

    @Bean
    OrderFoodWebSocketService jdk(RedisTemplate<Object, Object> redisTemplate) {
        return new OrderFoodWebSocketService(redisTemplate);
    }

    @Bean
    RedisSerializer<Object> jsonRedisSerializer() {
        ObjectMapper mapper = new ObjectMapper();
        mapper.setVisibility(PropertyAccessor.ALL, JsonAutoDetect.Visibility.ANY);
        mapper.activateDefaultTyping(LaissezFaireSubTypeValidator.instance, ObjectMapper.DefaultTyping.NON_FINAL);
        Jackson2JsonRedisSerializer<Object> serializer = new Jackson2JsonRedisSerializer<>(Object.class);
        serializer.setObjectMapper(mapper);
        return serializer;
    }

    private static RedisTemplate<Object, Object> template(RedisConnectionFactory factory, RedisSerializer<?> serializer) {
        RedisTemplate<Object, Object> template = new RedisTemplate<>();
        template.setConnectionFactory(factory);
        template.setValueSerializer(serializer);
        template.afterPropertiesSet();
        return template;
    }
}
