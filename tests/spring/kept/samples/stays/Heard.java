package com.example.heard;

import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.RedisConnectionFactory;

/** Starts something that is no bean. Only some tests have this configuration among their sources. */
@Configuration
public class Heard {

    public Heard(RedisConnectionFactory factory) {
        Thread thread = new Thread(Hearing.from(factory));
        thread.setDaemon(true);
        thread.start();
    }
}
