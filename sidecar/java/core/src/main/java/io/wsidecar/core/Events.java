package io.wsidecar.core;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Gives events to what serves their path, each in its session. */
public final class Events {
    private static final int LOCKS = 256;
    private static final int MAX_PENDING = 10000;
    private final Sidecar sidecar;
    private final Object[] locks = new Object[LOCKS];
    /** What could not be written while Redis was away. */
    private final Map<String, Connection> unwritten = new ConcurrentHashMap<>();
    private final Set<Target> known = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean lossTold = new AtomicBoolean();
    private volatile Targets targets = c -> null;

    /** Finds what serves a connection, by its path. */
    public interface Targets {
        /** Null: nothing does. */
        Target of(Connection c);
    }

    public Events(Sidecar sidecar) {
        this.sidecar = sidecar;
        for (int i = 0; i < LOCKS; i++) {
            locks[i] = new Object();
        }
    }

    public void targets(Targets value) {
        targets = value;
    }

    public Target targetOf(Connection c) {
        return targets.of(c);
    }

    /** A connection whose handshake the application has accepted. */
    public void open(Connection c, Target target, Answer answer) throws Exception {
        c.attached = true;
        Object session = target.session(c);
        sidecar.sessions.put(c.id, session);
        try {
            sidecar.within(c, answer, () -> target.open(session));
        } catch (Exception e) {
            sidecar.sessions.remove(c.id);
            throw e;
        }
        if (c.principal != null && isAnonymous(c.principal)) {
            c.principal = new Named(c.principal.getName());
        }
        String user = c.principal == null ? null : c.principal.getName();
        if (user != null && !user.isEmpty()) {
            answer.header("Ws-User", Percent.encode(user));
        }
        try {
            sidecar.opened(c, answer);
        } catch (IOException e) {
            later(c);
        }
        pin(c, target, session);
    }

    public Answer message(Event event, Target target, Supplier<Connection> request) {
        Answer answer = new Answer();
        try {
            Object session = session(event, target, request, answer);
            Connection c = target.connection(session);
            sidecar.within(c, answer, () -> target.message(session, event, answer));
            try {
                sidecar.settle(c, event.state, answer);
            } catch (IOException e) {
                later(c);
            }
            pin(c, target, session);
        } catch (IOException e) {
            Log.warn("an event waits for Redis: " + e.getMessage());
            return new Answer().status(Recent.LATER).end();
        } catch (Exception e) {
            Log.warn(target.name() + " failed", e);
            return new Answer().status(500).end();
        }
        return answer.end();
    }

    public Answer disconnect(Event event, Target target, Supplier<Connection> request) {
        Answer answer = new Answer();
        try {
            Object session = session(event, target, request, answer);
            Connection c = target.connection(session);
            c.ended();
            try {
                sidecar.within(c, answer, () -> target.close(session, event.closeCode, event.closeReason));
            } catch (Exception e) {
                Log.warn(target.name() + " failed", e);
            }
            sidecar.sessions.remove(c.id);
            try {
                sidecar.closed(c);
            } catch (IOException e) {
                later(c);
            }
        } catch (IOException e) {
            return new Answer().status(Recent.LATER).end();
        } catch (Exception e) {
            Log.warn(target.name() + " failed", e);
        }
        return answer.end();
    }

    private Object session(Event event, Target target, Supplier<Connection> request, Answer answer) throws Exception {
        Object held = sidecar.sessions.find(event.connection);
        if (held != null) {
            Connection c = target.connection(held);
            c.attached = true;
            if (c.resumed) {
                sidecar.refresh(event, c);
            }
            return held;
        }
        synchronized (locks[(event.connection.hashCode() & 0x7fffffff) % LOCKS]) {
            held = sidecar.sessions.find(event.connection);
            if (held != null) {
                return held;
            }
            Connection waiting = unwritten.get(event.connection);
            Connection c = waiting != null ? waiting : request.get();
            boolean known = waiting != null || sidecar.restore(event, c);
            Object session = target.session(c);
            sidecar.sessions.put(c.id, session);
            if (!known && event.type != Event.Type.DISCONNECT) {
                if (sidecar.settings.resume()) {
                    sidecar.within(c, answer, () -> target.open(session));
                }
                sidecar.reopened(c);
            }
            return session;
        }
    }

    /** Connections of an instance of wsidecar that outlived the process before this one. */
    void resume(String instance) throws IOException {
        int opened = 0;
        for (Connection c : sidecar.of(instance)) {
            Target target = targets.of(c);
            if (target == null || c.incarnation == sidecar.incarnation) {
                continue;
            }
            synchronized (locks[(c.hashCode() & 0x7fffffff) % LOCKS]) {
                if (sidecar.sessions.find(c.id) != null || !sidecar.isOpen(c)) {
                    continue;
                }
                c.attached = true;
                c.resumed = true;
                Object session = target.session(c);
                sidecar.sessions.put(c.id, session);
                try {
                    target.open(session);
                } catch (Exception e) {
                    Log.warn(target.name() + " failed", e);
                }
                sidecar.reopened(c);
                pin(c, target, session);
                opened++;
            }
        }
        if (opened > 0) {
            Log.info("opened " + opened + " sessions again whose connections outlived a restart of this application");
        }
    }

    /** Another replica has heard of their end: their own instance of wsidecar is gone. */
    void gone(String instance) throws IOException {
        for (String id : sidecar.gone(instance)) {
            Object session = sidecar.sessions.find(id);
            Target target = session == null ? null : targetOfSession(session, id);
            if (target != null) {
                target.connection(session).ended();
                sidecar.sessions.remove(id);
                try {
                    target.close(session, 1006, null);
                } catch (Exception e) {
                    Log.warn(target.name() + " failed", e);
                }
            }
        }
    }

    private Target targetOfSession(Object session, String id) {
        for (Target t : known) {
            Connection c = t.connection(session);
            if (c != null && c.id.equals(id)) {
                return targets.of(c);
            }
        }
        return null;
    }

    private void pin(Connection c, Target target, Object session) {
        known.add(target);
        if ((target.stateful() || c.bound) && sidecar.sessions.find(c.id) == session) {
            sidecar.sessions.pin(c.id, session);
        }
    }

    private void later(Connection c) {
        if (unwritten.size() < MAX_PENDING) {
            unwritten.put(c.id, c);
        } else if (lossTold.compareAndSet(false, true)) {
            Log.warn("Redis has been away for so long that sessions are not written down any more: they end with this process");
        }
    }

    /** Once Redis is back. */
    void write() throws IOException {
        for (Connection c : unwritten.values()) {
            if (c.isOpen()) {
                sidecar.reopened(c);
            } else {
                sidecar.closed(c);
            }
            unwritten.remove(c.id, c);
        }
        lossTold.set(false);
    }

    /** Nobody can ask for more than its name. */
    private static boolean isAnonymous(Object principal) {
        Class<?> type = principal.getClass();
        return type.isSynthetic() || type.isAnonymousClass() || type.getName().contains("$$Lambda");
    }

    List<String> instances() {
        return new ArrayList<>(sidecar.instances());
    }
}
