package com.example.heard;

import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.listener.ChannelTopic;
import org.springframework.data.redis.listener.RedisMessageListenerContainer;

/** Hears of other replicas by a listener container that no application context knows. */
final class Hearing {
    private Hearing() {}

    static Runnable from(RedisConnectionFactory factory) {
        return new Runnable() {
            @Override
            public void run() {
                RedisMessageListenerContainer container = new RedisMessageListenerContainer();
                container.setConnectionFactory(factory);
                container.addMessageListener((message, pattern) -> System.out.println(message), new ChannelTopic("news"));  // here: hears
                container.afterPropertiesSet();
                container.start();
            }
        };
    }
}
