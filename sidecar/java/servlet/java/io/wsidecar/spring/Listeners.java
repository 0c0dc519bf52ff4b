package io.wsidecar.spring;

import io.wsidecar.core.Bytecode;
import io.wsidecar.core.Log;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.springframework.context.ApplicationContext;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.io.Resource;
import org.springframework.stereotype.Component;
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
        + "|org/springframework/data/redis/.*[.](pSubscribe|subscribe|listenTo.*|addMessageListener|receive|receiveLater)|org/redisson/api/R.*Topic.*[.]addListener.*|.*/KafkaConsumer[.]poll"
        + "|com/rabbitmq/client/Channel[.]basicConsume|com/hazelcast/.*Topic[.]add.*Listener|(javax|jakarta)/jms/.*[.]setMessageListener)$");

    private static final int MAX_CLASSES = 5000;

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

    static boolean isFramework(String className) {
        return FRAMEWORKS.matcher(className).find();
    }

    /** Code that subscribes, by class and line: that of beans, then that of any other class in the packages of the application. */
    private static String calls(ApplicationContext context) {
        Set<String> packages = new TreeSet<>();
        for (String name : context.getBeanDefinitionNames()) {
            Class<?> type = context.getType(name, false);
            if (type == null || isFramework(type.getName())) {
                continue;
            }
            Class<?> own = ClassUtils.getUserClass(type);
            String found = subscribing(Bytecode.of(own));
            if (found != null) {
                return found;
            }
            if (isOfApplication(own.getResource(ClassUtils.getClassFileName(own)))) {
                packages.add(ClassUtils.getPackageName(own));
            }
        }
        return callsOfPackages(context, packages);
    }

    private static String callsOfPackages(ApplicationContext context, Set<String> packages) {
        String outer = null;
        int read = 0;
        for (String one : packages) {
            if (one.isEmpty() || outer != null && one.startsWith(outer + ".")) {
                continue;  // its classes are among those of the package around it
            }
            outer = one;
            try {
                for (Resource file : context.getResources("classpath*:" + one.replace('.', '/') + "/**/*.class")) {
                    if (!isOfApplication(file.getURL())) {
                        continue;
                    } else if (++read > MAX_CLASSES) {
                        Log.info("wsidecar.sessions: of the application's classes, the first " + MAX_CLASSES + " were searched for code that subscribes");
                        return null;
                    }
                    Bytecode code;
                    try (InputStream in = file.getInputStream()) {
                        code = Bytecode.of(in);
                    }
                    String found = subscribing(code);
                    if (found != null && isUsed(context, code.className)) {
                        return found;
                    }
                }
            } catch (IOException e) {
                Log.warn("the classes of " + one + " cannot be searched for code that subscribes: " + e.getMessage());
            }
        }
        return null;
    }

    private static String subscribing(Bytecode code) {
        for (Bytecode.Call call : code == null ? Collections.<Bytecode.Call>emptyList() : code.calls) {
            if (SUBSCRIBING.matcher(call.owner + "." + call.name).find()) {
                return code.place(call.method, call.line);
            }
        }
        return null;
    }

    /** Its own classes lie in a directory of classes; those in jars are libraries, whose packages are not searched. */
    private static boolean isOfApplication(URL file) {
        return file != null && (file.getProtocol().equals("file") || file.getPath().contains("/classes/") || file.getPath().contains("/classes!/"));
    }

    /** A component that is no bean, because some condition is not met, or one that is inside of it, does nothing. */
    private static boolean isUsed(ApplicationContext context, String className) {
        String top = className.contains("$") ? className.substring(0, className.indexOf('$')) : className;
        try {
            for (String name : new String[] {className, top}) {
                Class<?> type = Class.forName(name, false, context.getClassLoader());
                if (AnnotatedElementUtils.hasAnnotation(type, Component.class) && context.getBeanNamesForType(type, true, false).length == 0) {
                    return false;
                }
            }
        } catch (ClassNotFoundException | LinkageError e) {
            return true;
        }
        return true;
    }
}
