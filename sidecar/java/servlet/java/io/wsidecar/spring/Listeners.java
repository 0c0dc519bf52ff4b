package io.wsidecar.spring;

import org.springframework.context.ApplicationContext;

/** Finds what in an application hears messages of its other replicas: such an application reaches the sessions of all replicas by itself. */
final class Listeners {
    private static final String[] TYPES = {
        "org.springframework.data.redis.listener.RedisMessageListenerContainer",
        "org.springframework.data.redis.listener.ReactiveRedisMessageListenerContainer",
        "org.springframework.data.redis.connection.MessageListener",
        "org.springframework.data.redis.stream.StreamMessageListenerContainer",
        "redis.clients.jedis.JedisPubSub",
        "io.lettuce.core.pubsub.StatefulRedisPubSubConnection",
        "org.redisson.api.RedissonClient",
        "com.hazelcast.core.HazelcastInstance",
        "org.springframework.kafka.config.KafkaListenerEndpointRegistry",
        "org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry",
        "org.springframework.amqp.rabbit.listener.MessageListenerContainer",
        "org.springframework.jms.config.JmsListenerEndpointRegistry",
        "org.springframework.jms.listener.MessageListenerContainer",
        "org.apache.rocketmq.spring.support.RocketMQListenerContainer",
    };

    private Listeners() {}

    /** The class of one, or null. */
    static String of(ApplicationContext context) {
        for (String type : TYPES) {
            try {
                Class<?> known = Class.forName(type, false, Listeners.class.getClassLoader());
                for (String name : context.getBeanNamesForType(known, true, false)) {
                    if (!name.startsWith("springSession")) {  // Spring Session's own, which hears of sessions that end
                        return type;
                    }
                }
            } catch (ClassNotFoundException | LinkageError e) {
                // The application does not have it.
            }
        }
        return null;
    }
}
