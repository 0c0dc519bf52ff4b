package io.wsidecar.websocket;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Event;
import io.wsidecar.core.Log;
import io.wsidecar.core.Sidecar;
import io.wsidecar.core.Target;
import io.wsidecar.servlet.Application;
import java.io.EOFException;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.servlet.ServletContext;
import javax.websocket.CloseReason;
import javax.websocket.Endpoint;
import javax.websocket.MessageHandler;
import javax.websocket.PongMessage;
import javax.websocket.Session;
import javax.websocket.WebSocketContainer;
import javax.websocket.server.ServerEndpointConfig;

/** An endpoint class of the application: annotated, or one that extends Endpoint. */
final class EndpointTarget implements Target {
    private static final List<EndpointTarget> ALL = new CopyOnWriteArrayList<>();
    private final Application application;
    private final ServletContext context;
    private final ServerEndpointConfig config;
    private final PathTemplate template;
    private final Coders coders;
    private final EndpointMethods methods;
    private final boolean stateful;

    EndpointTarget(Application application, ServletContext context, ServerEndpointConfig config) {
        this.application = application;
        this.context = context;
        this.config = config;
        this.template = new PathTemplate(config.getPath());
        this.coders = new Coders(config);
        this.methods = Endpoint.class.isAssignableFrom(config.getEndpointClass()) ? null : new EndpointMethods(config.getEndpointClass(), coders);
        this.stateful = methods == null || hasFields(config.getEndpointClass());
        ALL.add(this);
    }

    /** Of a session that came out of a serializer. */
    static EndpointTarget of(Connection c) {
        EndpointTarget best = null;
        for (EndpointTarget one : ALL) {
            if (one.variables(c) != null && (best == null || one.template.closerThan(best.template))) {
                best = one;
            }
        }
        if (best == null) {
            throw new IllegalStateException("no endpoint of this application is at " + c.path());
        }
        return best;
    }

    private static boolean hasFields(Class<?> type) {
        for (Class<?> c = type; c != null && c != Object.class; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                if (!Modifier.isStatic(f.getModifiers())) {
                    return true;
                }
            }
        }
        return false;
    }

    ServerEndpointConfig config() {
        return config;
    }

    EndpointMethods methods() {
        return methods;
    }

    PathTemplate template() {
        return template;
    }

    Coders coders() {
        return coders;
    }

    WebSocketContainer container() {
        return (WebSocketContainer) context.getAttribute("javax.websocket.server.ServerContainer");
    }

    Map<String, String> variables(Connection c) {
        return variables(c.path());
    }

    Map<String, String> variables(String path) {
        String front = context.getContextPath();
        return path.startsWith(front) ? template.match(path.substring(front.length())) : null;
    }

    /** What one connection is configured by: Configurators write into its properties. */
    ServerEndpointConfig perConnection() {
        ServerEndpointConfig own = ServerEndpointConfig.Builder.create(config.getEndpointClass(), config.getPath())
            .decoders(config.getDecoders()).encoders(config.getEncoders()).subprotocols(config.getSubprotocols())
            .extensions(config.getExtensions()).configurator(config.getConfigurator()).build();
        own.getUserProperties().putAll(config.getUserProperties());
        return own;
    }

    @Override
    public Object session(Connection c) {
        return new EndpointSession(c, this);
    }

    @Override
    public Connection connection(Object session) {
        return session instanceof EndpointSession ? ((EndpointSession) session).connection() : null;
    }

    private EndpointSession ready(Object session) throws InstantiationException {
        EndpointSession s = (EndpointSession) session;
        if (s.config == null) {
            s.config = perConnection();
            s.config.getUserProperties().putAll(s.connection().attributes);
        }
        if (s.endpoint == null) {
            s.endpoint = config.getConfigurator().getEndpointInstance(config.getEndpointClass());
        }
        return s;
    }

    @Override
    public void open(Object session) throws Exception {
        EndpointSession s = ready(session);
        try {
            if (methods == null) {
                ((Endpoint) s.endpoint).onOpen(s, s.config);
            } else {
                methods.open(s.endpoint, s, s.config);
            }
        } catch (Throwable e) {
            error(s, e);
            s.close();  // as a container does it
        }
    }

    @Override
    public void message(Object session, Event event, Answer answer) throws Exception {
        EndpointSession s = ready(session);
        try {
            if (methods != null) {
                methods.message(s.endpoint, s, s.config, !event.binary(), event.body);
            }
            for (Map.Entry<MessageHandler, Class<?>> e : new ArrayList<>(s.handlers().entrySet())) {
                handle(e.getKey(), e.getValue(), event);
            }
        } catch (Throwable e) {
            error(s, e);
        }
    }

    @SuppressWarnings("unchecked")
    private void handle(MessageHandler handler, Class<?> type, Event event) throws Exception {
        if (type == PongMessage.class || EndpointMethods.isBinary(type, coders) != event.binary()) {
            return;
        }
        boolean any = type.isAssignableFrom(String.class) && !event.binary();
        Object payload = EndpointMethods.decode(any ? String.class : type, coders, !event.binary(), event.body);
        if (handler instanceof MessageHandler.Whole) {
            ((MessageHandler.Whole<Object>) handler).onMessage(payload);
        } else if (handler instanceof MessageHandler.Partial) {
            ((MessageHandler.Partial<Object>) handler).onMessage(payload, true);
        }
    }

    @Override
    public void close(Object session, int code, String reason) throws Exception {
        EndpointSession s = ready(session);
        if (code == LOST && reports()) {
            error(s, new EOFException("the connection ended without a close frame"));
        }
        CloseReason why = new CloseReason(CloseReason.CloseCodes.getCloseCode(code), reason == null ? "" : reason);
        try {
            if (methods == null) {
                ((Endpoint) s.endpoint).onClose(s, why);
            } else {
                methods.close(s.endpoint, s, s.config, why);
            }
        } catch (Throwable e) {
            error(s, e);
        }
    }

    /** Whether the class has a method for errors. */
    private boolean reports() {
        return methods == null || methods.reports();
    }

    private void error(EndpointSession s, Throwable error) {
        if (error instanceof VirtualMachineError) {
            throw (VirtualMachineError) error;
        }
        try {
            if (methods == null) {
                ((Endpoint) s.endpoint).onError(s, error);
            } else if (!methods.error(s.endpoint, s, s.config, error)) {
                Log.warn("an endpoint failed that has no method for errors: " + name(), error);
            }
        } catch (Throwable e) {
            Log.warn(name() + " failed", e);
        }
    }

    /** Tomcat counts a session when its handler has been told that it is open. */
    private boolean countsLate() {
        WebSocketContainer container = container();
        return container != null && container.getClass().getName().startsWith("org.apache.tomcat.");
    }

    Set<Session> openSessions(EndpointSession mine) {
        Set<Session> all = new LinkedHashSet<>();
        Sidecar sidecar = application.sidecar;
        if (mine.connection().isOpen() && (mine.connection().opening == null || !countsLate())) {
            all.add(mine);
        }
        try {
            for (Connection c : sidecar.everywhere()) {
                if (application.events.targetOf(c) == this) {
                    Object held = sidecar.sessions.find(c.id);
                    Session one = held instanceof Session ? (Session) held : new EndpointSession(c, this);
                    if (held == null || one.isOpen()) {
                        all.add(one);
                    }
                }
            }
        } catch (IOException e) {
            Log.warn("who else is connected cannot be said: " + e.getMessage());
        }
        return all;
    }

    @Override
    public boolean stateful() {
        return stateful;
    }

    @Override
    public String name() {
        return config.getEndpointClass().getName();
    }
}
