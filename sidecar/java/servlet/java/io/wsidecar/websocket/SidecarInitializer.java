package io.wsidecar.websocket;

import io.wsidecar.core.RespRedis;
import io.wsidecar.core.Settings;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.EventFilter;
import io.wsidecar.servlet.HttpSessions;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import javax.servlet.DispatcherType;
import javax.servlet.FilterRegistration;
import javax.servlet.ServletContainerInitializer;
import javax.servlet.ServletContext;
import javax.servlet.ServletContextEvent;
import javax.servlet.ServletContextListener;
import javax.servlet.annotation.HandlesTypes;
import javax.websocket.Endpoint;
import javax.websocket.server.ServerApplicationConfig;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;

/**
 * The library in a WAR: its filters, and the endpoint classes that the container finds. Settings are context parameters, system properties or
 * environment variables. With Spring in the WAR its SidecarConfiguration says the rest.
 */
@HandlesTypes({ServerEndpoint.class, Endpoint.class, ServerApplicationConfig.class})
public final class SidecarInitializer implements ServletContainerInitializer {
    private static final String[] CLIENTS = {
        "redis.clients.jedis.JedisPubSub", "io.lettuce.core.pubsub.RedisPubSubListener", "org.redisson.Redisson", "com.hazelcast.core.HazelcastInstance",
        "org.apache.kafka.clients.consumer.KafkaConsumer", "com.rabbitmq.client.Channel", "org.apache.activemq.ActiveMQConnectionFactory",
    };

    @Override
    public void onStartup(Set<Class<?>> found, ServletContext context) {
        if (!Boolean.parseBoolean(setting(context, "enabled", "true"))) {
            return;
        }
        String everything = "/*";
        FilterRegistration.Dynamic first = context.addFilter("wsidecarEvents", new EventFilter());
        FilterRegistration.Dynamic last = context.addFilter("wsidecarEndpoints", new EndpointFilter());
        if (first != null && last != null) {  // null: Spring Boot has them already
            context.addListener(new HttpSessions());
            first.setAsyncSupported(true);
            last.setAsyncSupported(true);
            first.addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), false, everything);
            last.addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), true, everything);
        }
        String redis = setting(context, "redis", "");
        if (redis.isEmpty() || found == null) {
            return;  // Spring's context brings its own connection, and says what is served
        }
        Application application = new Application(settings(context), new RespRedis(redis)).into(context);
        Endpoints endpoints = Endpoints.of(application, context);
        deploy(found, endpoints);
        context.addListener(new ServletContextListener() {
            @Override
            public void contextInitialized(ServletContextEvent event) {
                application.sessions(application.sidecar.settings.sessions(), SidecarInitializer::listens);
                application.start();
            }

            @Override
            public void contextDestroyed(ServletContextEvent event) {
                application.close();
            }
        });
    }

    private static void deploy(Set<Class<?>> found, Endpoints endpoints) {
        Set<Class<?>> annotated = new HashSet<>();
        Set<Class<? extends Endpoint>> programmatic = new HashSet<>();
        Set<ServerApplicationConfig> configs = new HashSet<>();
        for (Class<?> c : found) {
            boolean concrete = !Modifier.isAbstract(c.getModifiers()) && !c.getName().startsWith("javax.websocket.");
            if (ServerApplicationConfig.class.isAssignableFrom(c) && concrete) {
                configs.add((ServerApplicationConfig) Coders.create(c));
            } else if (Endpoint.class.isAssignableFrom(c) && concrete) {
                programmatic.add(c.asSubclass(Endpoint.class));
            } else if (c.isAnnotationPresent(ServerEndpoint.class)) {
                annotated.add(c);
            }
        }
        for (ServerApplicationConfig config : configs) {
            Set<ServerEndpointConfig> more = config.getEndpointConfigs(programmatic);
            if (more != null) {
                more.forEach(endpoints::add);
            }
        }
        if (configs.isEmpty()) {
            annotated.forEach(endpoints::add);
        }
        for (ServerApplicationConfig config : configs) {
            Set<Class<?>> kept = config.getAnnotatedEndpointClasses(annotated);
            if (kept != null) {
                kept.forEach(endpoints::add);
            }
        }
    }

    private static Settings settings(ServletContext context) {
        Settings settings = new Settings(Arrays.asList(setting(context, "signing-secret", "").split(",")));
        settings.prefix(setting(context, "prefix", settings.prefix()));
        settings.outbox(setting(context, "outbox", "outbox"));
        settings.send(Settings.Send.valueOf(setting(context, "send", "list").toUpperCase(Locale.ROOT)));
        settings.admin(setting(context, "admin", settings.admin()));
        settings.timeout(setting(context, "timeout", settings.timeout()));
        settings.sessions(Settings.Known.valueOf(setting(context, "sessions", "auto").toUpperCase(Locale.ROOT)));
        return settings.resume(Boolean.parseBoolean(setting(context, "resume", "true")));
    }

    /** A client of something that carries messages between replicas, where no beans say whether it is used; null: there is none. */
    private static String listens() {
        for (String type : CLIENTS) {
            try {
                Class.forName(type, false, Thread.currentThread().getContextClassLoader());
                return type;
            } catch (ClassNotFoundException | LinkageError e) {
                // The application does not have it.
            }
        }
        return null;
    }

    /** wsidecar.signing-secret as a context parameter or a system property, or WSIDECAR_SIGNING_SECRET in the environment. */
    private static String setting(ServletContext context, String name, String otherwise) {
        String value = context.getInitParameter("wsidecar." + name);
        value = value != null ? value : System.getProperty("wsidecar." + name);
        value = value != null ? value : System.getenv("WSIDECAR_" + name.toUpperCase(Locale.ROOT).replace('-', '_'));
        return value != null ? value : otherwise;
    }
}
