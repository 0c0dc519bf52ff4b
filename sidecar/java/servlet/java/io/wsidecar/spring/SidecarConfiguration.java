package io.wsidecar.spring;

import io.wsidecar.core.Redis;
import io.wsidecar.core.RespRedis;
import io.wsidecar.core.Settings;
import io.wsidecar.core.Unkept;
import io.wsidecar.servlet.Application;
import java.util.Arrays;
import java.util.Locale;
import javax.servlet.ServletContext;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.core.env.Environment;
import org.springframework.util.ClassUtils;
import org.springframework.web.context.WebApplicationContext;
import org.springframework.web.servlet.HandlerMapping;
import org.springframework.web.servlet.handler.SimpleUrlHandlerMapping;

/** The library in a Spring application. Spring Boot finds it by itself; others name this class in the context that has their handlers. */
@Configuration(proxyBeanMethods = false)
@Conditional(Enabled.class)
public class SidecarConfiguration {
    private static final ClassLoader LOADER = SidecarConfiguration.class.getClassLoader();

    @Bean(destroyMethod = "close")
    Application wsidecarApplication(Environment environment, ListableBeanFactory beans, WebApplicationContext web) {
        ServletContext context = web.getServletContext();
        Application ofEndpoints = Application.in(context);  // endpoint classes of the same WAR have it already (SidecarInitializer)
        return ofEndpoints != null ? ofEndpoints : new Application(settings(environment), redis(environment, beans)).into(context);
    }

    @Bean
    SpringHandlers wsidecarSpringHandlers(Application application, WebApplicationContext web) {
        // Of the dispatcher's own context: a bean ServletContext can be that of a root context, in which servers allow less.
        return new SpringHandlers(application, web.getServletContext());
    }

    @Bean
    SockJsHandshakes wsidecarSockJsHandshakes(SpringHandlers handlers) {
        return new SockJsHandshakes(handlers);
    }

    @Bean
    SmartInitializingSingleton wsidecarStart(Application application, SpringHandlers handlers, WebApplicationContext context) {
        return () -> {
            Settings settings = application.sidecar.settings;
            application.around(new CallContext());
            if (messaging()) {
                io.wsidecar.stomp.StompSupport.install(application, handlers, context);
            }
            if (ClassUtils.isPresent("org.springframework.web.socket.config.annotation.EnableWebSocket", LOADER)) {
                for (HandlerMapping mapping : context.getBeansOfType(HandlerMapping.class).values()) {
                    if (mapping instanceof SimpleUrlHandlerMapping) {
                        handlers.take((SimpleUrlHandlerMapping) mapping);
                    }
                }
            }
            if (ClassUtils.isPresent("javax.websocket.server.ServerEndpointConfig", LOADER)) {
                io.wsidecar.websocket.SpringEndpoints.take(application, context, context.getServletContext());
            }
            for (String name : reactive(context)) {
                application.routes.remark(Unkept.place(context.getType(name)) + ": a reactive WebSocketHandler is not served; "
                    + "a @PostMapping that returns Mono or Flux can take wsidecar's events");
            }
            if (settings.scheduled() == Settings.Scheduled.ONE) {
                application.sidecar.leader.scheduled(ScheduledMethods::running);
            } else {
                ScheduledMethods.remark(context, application.routes::remark);
            }
            application.sessions(settings.sessions(), () -> Listeners.of(context));
            application.start();
        };
    }

    /** Before the server ends, and the HTTP sessions with it. */
    @Bean
    ApplicationListener<ContextClosedEvent> wsidecarEnd(Application application, ApplicationContext context) {
        return new ApplicationListener<ContextClosedEvent>() {
            @Override
            public void onApplicationEvent(ContextClosedEvent event) {
                if (event.getApplicationContext() == context) {
                    application.logins.stop();
                }
            }
        };
    }

    @Bean
    static BeanPostProcessor wsidecarMessaging() {
        return messaging() ? new io.wsidecar.stomp.MessagingBeans() : new BeanPostProcessor() { };
    }

    private static String[] reactive(ApplicationContext context) {
        try {
            return context.getBeanNamesForType(Class.forName("org.springframework.web.reactive.socket.WebSocketHandler", false, LOADER));
        } catch (ClassNotFoundException e) {
            return new String[0];
        }
    }

    private static boolean messaging() {
        return ClassUtils.isPresent("org.springframework.messaging.simp.stomp.StompHeaderAccessor", LOADER)
            && ClassUtils.isPresent("org.springframework.web.socket.messaging.SubProtocolWebSocketHandler", LOADER);
    }

    private static Settings settings(Environment environment) {
        Settings settings = new Settings(Arrays.asList(environment.getProperty("wsidecar.signing-secret", "").split(",")));
        settings.prefix(environment.getProperty("wsidecar.prefix", settings.prefix()));
        settings.outbox(environment.getProperty("wsidecar.outbox", "outbox"));
        settings.send(Settings.Send.valueOf(environment.getProperty("wsidecar.send", "list").toUpperCase(Locale.ROOT)));
        settings.admin(environment.getProperty("wsidecar.admin", settings.admin()));
        settings.timeout(environment.getProperty("wsidecar.timeout", settings.timeout()));
        settings.scheduled(Settings.Scheduled.valueOf(environment.getProperty("wsidecar.scheduled", "each").toUpperCase(Locale.ROOT)));
        settings.sessions(Settings.Known.valueOf(environment.getProperty("wsidecar.sessions", "auto").toUpperCase(Locale.ROOT)));
        return settings.resume(environment.getProperty("wsidecar.resume", Boolean.class, true));
    }

    private static Redis redis(Environment environment, ListableBeanFactory beans) {
        String url = environment.getProperty("wsidecar.redis");
        if (url != null) {
            return new RespRedis(url);
        }
        for (Redis own : beans.getBeansOfType(Redis.class).values()) {
            return own;
        }
        if (ClassUtils.isPresent("org.springframework.data.redis.connection.RedisConnectionFactory", LOADER)) {
            Redis found = Factories.find(beans);
            if (found != null) {
                return found;
            }
        }
        throw new IllegalStateException("wsidecar finds no Redis: the application has no RedisConnectionFactory; set wsidecar.redis to the same as redis.url in wsidecar.yaml");
    }

    private static final class Factories {
        static Redis find(ListableBeanFactory beans) {
            for (org.springframework.data.redis.connection.RedisConnectionFactory factory
                    : beans.getBeansOfType(org.springframework.data.redis.connection.RedisConnectionFactory.class).values()) {
                return new SpringRedis(factory);
            }
            return null;
        }
    }
}
