package io.wsidecar.websocket;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Target;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.Routes;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.servlet.ServletContext;
import javax.websocket.server.ServerEndpoint;
import javax.websocket.server.ServerEndpointConfig;

/** The endpoint classes of one application, by path. */
final class Endpoints {
    private static final String ATTRIBUTE = Endpoints.class.getName();
    private final Application application;
    private final ServletContext context;
    private final List<EndpointTarget> all = new CopyOnWriteArrayList<>();

    private Endpoints(Application application, ServletContext context) {
        this.application = application;
        this.context = context;
        application.add(this::find);
    }

    static Endpoints of(Application application, ServletContext context) {
        Endpoints there = in(context);
        if (there == null) {
            there = new Endpoints(application, context);
            context.setAttribute(ATTRIBUTE, there);
        }
        return there;
    }

    static Endpoints in(ServletContext context) {
        return (Endpoints) context.getAttribute(ATTRIBUTE);
    }

    void add(Class<?> annotated) {
        ServerEndpoint a = annotated.getAnnotation(ServerEndpoint.class);
        ServerEndpointConfig.Configurator configurator = a.configurator() == ServerEndpointConfig.Configurator.class
            ? new ServerEndpointConfig.Configurator() : Coders.create(a.configurator());
        add(ServerEndpointConfig.Builder.create(annotated, a.value()).decoders(Arrays.asList(a.decoders()))
            .encoders(Arrays.asList(a.encoders())).subprotocols(Arrays.asList(a.subprotocols())).configurator(configurator).build());
    }

    void add(ServerEndpointConfig config) {
        String path = config.getPath().startsWith("/") ? config.getPath() : "/" + config.getPath();
        for (EndpointTarget known : all) {
            if (known.config().getEndpointClass() == config.getEndpointClass() && known.config().getPath().equals(config.getPath())) {
                return;
            }
        }
        EndpointTarget target = new EndpointTarget(application, context, config);
        all.add(target);
        application.shareable();
        Map<String, String> route = new LinkedHashMap<>();
        if (!config.getSubprotocols().isEmpty()) {
            route.put("subprotocols", Routes.list(config.getSubprotocols()));
        }
        route.put("origins", "\"*\"");  // a container asks the Configurator, and so does the library
        application.routes.unkept(config.getEndpointClass(), target.methods() == null ? 0 : target.methods().largest(), route);
        application.routes.add(context.getContextPath() + path, route);
        application.routes.endpoint(p -> target.variables(p) != null);
    }

    private Target find(Connection c) {
        return find(c.path());
    }

    /** Null: no endpoint is there. */
    EndpointTarget find(String path) {
        EndpointTarget best = null;
        for (EndpointTarget one : all) {
            if (one.variables(path) != null && (best == null || one.template().closerThan(best.template()))) {
                best = one;
            }
        }
        return best;
    }
}
