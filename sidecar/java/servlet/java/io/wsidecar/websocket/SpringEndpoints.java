package io.wsidecar.websocket;

import io.wsidecar.servlet.Application;
import java.lang.reflect.Field;
import java.util.List;
import javax.servlet.ServletContext;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;
import org.springframework.context.ApplicationContext;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.socket.server.standard.ServerEndpointExporter;

/** What Spring's ServerEndpointExporter exports: beans with @ServerEndpoint, and beans that are a ServerEndpointConfig. */
public final class SpringEndpoints {
    private SpringEndpoints() {}

    public static void take(Application application, ApplicationContext context, ServletContext servlets) {
        if (context.getBeanNamesForType(ServerEndpointExporter.class).length == 0) {
            return;
        }
        Endpoints endpoints = Endpoints.of(application, servlets);
        Field classes = ReflectionUtils.findField(ServerEndpointExporter.class, "annotatedEndpointClasses");
        for (ServerEndpointExporter exporter : context.getBeansOfType(ServerEndpointExporter.class).values()) {
            if (classes != null) {
                ReflectionUtils.makeAccessible(classes);
                Object named = ReflectionUtils.getField(classes, exporter);
                if (named instanceof List) {
                    ((List<?>) named).forEach(c -> endpoints.add((Class<?>) c));
                }
            }
        }
        for (String name : context.getBeanNamesForAnnotation(ServerEndpoint.class)) {
            endpoints.add(ClassUtils.getUserClass(context.getType(name)));
        }
        context.getBeansOfType(ServerEndpointConfig.class).values().forEach(endpoints::add);
    }
}
