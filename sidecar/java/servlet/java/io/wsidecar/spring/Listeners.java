package io.wsidecar.spring;

import io.wsidecar.core.Bytecode;
import java.util.Collections;
import java.util.regex.Pattern;
import org.springframework.context.ApplicationContext;
import org.springframework.util.ClassUtils;

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
    private static final Pattern FRAMEWORKS = Pattern.compile("^(org[.]springframework|io[.]wsidecar|javax?|jakarta|jdk|com[.]sun)[.]");
    /** A queue, whose messages one replica gets, is none of them. */
    private static final Pattern SUBSCRIBING = Pattern.compile("^(redis/clients/jedis/.*[.]p?subscribe|io/lettuce/.*[.]s?p?subscribe"
        + "|org/springframework/data/redis/.*[.](pSubscribe|subscribe|listenTo.*)|org/redisson/api/R.*Topic.*[.]addListener.*|.*/KafkaConsumer[.]poll"
        + "|com/rabbitmq/client/Channel[.]basicConsume)$");

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
        return calls(context);
    }

    /** Beans whose own code subscribes: by class and line. */
    private static String calls(ApplicationContext context) {
        for (String name : context.getBeanDefinitionNames()) {
            Class<?> type = context.getType(name, false);
            if (type == null || FRAMEWORKS.matcher(type.getName()).find()) {
                continue;
            }
            Class<?> own = ClassUtils.getUserClass(type);
            Bytecode code = Bytecode.of(own);
            for (Bytecode.Call call : code == null ? Collections.<Bytecode.Call>emptyList() : code.calls) {
                if (SUBSCRIBING.matcher(call.owner + "." + call.name).find()) {
                    return code.place(own, call.method, call.line);
                }
            }
        }
        return null;
    }
}
