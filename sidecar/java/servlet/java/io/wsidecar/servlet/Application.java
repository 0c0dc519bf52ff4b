package io.wsidecar.servlet;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Event;
import io.wsidecar.core.Events;
import io.wsidecar.core.Housekeeper;
import io.wsidecar.core.Log;
import io.wsidecar.core.Logins;
import io.wsidecar.core.Redis;
import io.wsidecar.core.Settings;
import io.wsidecar.core.Sidecar;
import io.wsidecar.core.Target;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import javax.servlet.ServletContext;
import javax.servlet.http.HttpServletRequest;

/** The library in one web application: found by its filters in the servlet context. */
public final class Application implements AutoCloseable {
    public static final String ATTRIBUTE = Application.class.getName();
    /** What later events run inside of: the thread's request and login, where Spring is there to show them. */
    public interface Around {
        Answer call(HttpServletRequest request, Supplier<Answer> work);
    }

    public final Sidecar sidecar;
    public final Events events;
    public final Logins logins;
    public final Routes routes = new Routes();
    private final List<Events.Targets> targets = new CopyOnWriteArrayList<>();
    private final Housekeeper housekeeper;
    private ServletContext context;
    private boolean shareable;
    private volatile String sharing = "none";
    private volatile Around around = (request, work) -> work.get();

    public Application(Settings settings, Redis redis) {
        sidecar = new Sidecar(settings, redis);
        events = new Events(sidecar);
        logins = new Logins(sidecar);
        sidecar.copies(SavedHttpSession::of);
        events.targets(this::find);
        housekeeper = new Housekeeper(sidecar, events);
    }

    /** Null: the library is not used in this application. */
    public static Application in(ServletContext context) {
        return (Application) context.getAttribute(ATTRIBUTE);
    }

    public Application into(ServletContext context) {
        context.setAttribute(ATTRIBUTE, this);
        this.context = context;
        return this;
    }

    public String contextPath() {
        return context.getContextPath();
    }

    public void add(Events.Targets more) {
        targets.add(more);
    }

    public void around(Around value) {
        around = value;
    }

    /** Some handler may keep sessions in a collection of its own. */
    public void shareable() {
        shareable = true;
    }

    /** Of which connections handlers are told. @param search finds what of the application carries messages between its replicas already, or null */
    public void sessions(Settings.Known wanted, Supplier<String> search) {
        String listens = shareable && wanted == Settings.Known.AUTO ? search.get() : null;
        boolean all = wanted == Settings.Known.ALL || wanted == Settings.Known.AUTO && listens == null;
        sharing = all ? "all" : "local";
        if (!shareable) {
            sharing = "none";
        } else if (all) {
            events.share();
            Log.info("wsidecar.sessions: the handlers are told of the connections of all replicas" + (wanted == Settings.Known.ALL ? ""
                : ", because nothing was found in the application that carries messages between its replicas; wsidecar.sessions=local says otherwise"));
        } else if (wanted == Settings.Known.AUTO) {
            Log.info("wsidecar.sessions: the handlers are told of the connections of their own replica, because " + listens
                + " carries messages between the replicas; wsidecar.sessions=all says otherwise");
        }
    }

    /** none, local or all. */
    public String sharing() {
        return sharing;
    }

    /** All handlers are known now. */
    public void start() {
        housekeeper.start();
        try {
            Class.forName("javax.websocket.server.ServerContainer", false, getClass().getClassLoader());
            routes.container(Containers.largest(context), Containers.idle(context));
        } catch (ClassNotFoundException | LinkageError e) {
            // The application's server has no container for WebSockets.
        }
        Log.info("wsidecar.yaml of this application:\n" + routes.yaml(sidecar.settings.timeout()));
        routes.remarks().forEach(Log::warn);
    }

    @Override
    public void close() {
        if (events.replicas() != null) {
            events.replicas().close();
        }
        housekeeper.close();
        sidecar.close();
    }

    private Target find(Connection c) {
        for (Events.Targets one : targets) {
            Target target = one.of(c);
            if (target != null) {
                return target;
            }
        }
        return null;
    }

    /** Any event but a connect. @param early answers it while its handler is still at work; null: nothing may */
    Answer handle(Event event, HttpServletRequest request, Connection c, Target target, Runnable early) {
        String httpSession = event.type == Event.Type.DISCONNECT ? HttpSessions.idOf(request) : null;
        if (httpSession != null) {
            logins.closed(httpSession, event.connection);
        }
        return around.call(request, () -> event.type == Event.Type.DISCONNECT
            ? events.disconnect(event, target, () -> c) : events.message(event, target, () -> c, early));
    }
}
