package com.example.samples;

import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.data.redis.connection.RedisConnection;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.stereotype.Component;

/** Hears of other replicas without a listener container. */
@Component
@ConditionalOnProperty("samples.subscribes")
public class OwnListener {
    private final RedisConnectionFactory factory;

    public OwnListener(RedisConnectionFactory factory) {
        this.factory = factory;
        Thread thread = new Thread(this::listen);
        thread.setDaemon(true);
        thread.start();
    }

    private void listen() {
        RedisConnection connection = factory.getConnection();
        connection.subscribe((message, pattern) -> System.out.println(message), "news".getBytes());  // here: subscribes
    }
}
