package io.wsidecar.core;

import java.io.IOException;
import java.io.Serializable;
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
    private final Turns turns = new Turns();
    private volatile Targets targets = c -> null;
    /** Null: handlers are told of the connections of their own replica. */
    private volatile Replicas replicas;

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

    /** From now on handlers are told of the connections of all replicas. */
    public synchronized void share() {
        if (replicas == null) {
            sidecar.shared();
            replicas = new Replicas(sidecar, this);
        }
    }

    public Replicas replicas() {
        return replicas;
    }

    /** Before an event is handled. */
    private void ready() {
        Replicas all = replicas;
        if (all != null) {
            all.ready();
        }
    }

    public Target targetOf(Connection c) {
        return targets.of(c);
    }

    /** A connection whose handshake the application has accepted. */
    public void open(Connection c, Target target, Answer answer) throws Exception {
        ready();
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
            if (isShared(target)) {
                replicas.opened(c);
            }
        } catch (IOException e) {
            later(c);
        }
        pin(c, target, session);
    }

    /** @param early answers the event while its handler is still at work, when wsidecar would not wait any longer; null: nothing may */
    public Answer message(Event event, Target target, Supplier<Connection> request, Runnable early) {
        long patience = sidecar.settings.patienceNanos();
        Answer answer = new Answer(patience);
        ready();
        if (!turns.begin(event.connection, patience)) {
            return new Answer().status(Recent.LATER).end();
        }
        try {
            Object session = session(event, target, request, answer);
            Connection c = target.connection(session);
            sidecar.overdue.begin(answer, early);
            sidecar.within(c, answer, () -> target.message(session, event, answer));
            sidecar.overdue.end(answer);
            late(c, target, answer);
            try {
                if (sidecar.settle(c, event.state, answer) && isShared(target)) {
                    replicas.changed(c);
                }
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
        } finally {
            sidecar.overdue.end(answer);
            turns.end(event.connection);
        }
        return answer.end();
    }

    /** wsidecar has stopped waiting: what the handler sent reaches the client all the same. */
    private void late(Connection c, Target target, Answer answer) {
        if (!answer.late()) {
            return;
        }
        c.bound = true;  // what has changed of it comes back to wsidecar with the next answer
        try {
            if (answer.overflow((isText, one) -> sidecar.push(Envelope.message(c.id, isText, one), sidecar.settings.send()))) {
                sidecar.overflows.add(c.id);
            }
            Envelope close = answer.lateClose(c.id);
            if (close != null) {
                sidecar.push(close);
            }
            Log.warn(target.name() + " took longer for a message of connection " + c.id + " than wsidecar waits for an answer (wsidecar.timeout, the same as "
                + "app.timeout in wsidecar.yaml): what it sent went through the outbox");
        } catch (IOException e) {
            Log.warn(target.name() + " took longer than wsidecar waits for an answer, and what it sent to connection " + c.id + " is lost, because "
                + "Redis did not take it", e);
        }
    }

    public Answer disconnect(Event event, Target target, Supplier<Connection> request) {
        Answer answer = new Answer();
        boolean mine = turns.begin(event.connection, sidecar.settings.patienceNanos());
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
                if (isShared(target)) {
                    replicas.closed(c, event.closeCode, event.closeReason);
                }
            } catch (IOException e) {
                later(c);
            }
        } catch (IOException e) {
            return new Answer().status(Recent.LATER).end();
        } catch (Exception e) {
            Log.warn(target.name() + " failed", e);
        } finally {
            if (mine) {
                turns.end(event.connection);
            }
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
                boolean shared = isShared(target);
                if (sidecar.settings.resume() && !(shared && replicas.adopt(c.id))) {
                    Sidecar.Work open = () -> target.open(session);
                    if (shared) {
                        sidecar.muted(open);
                    } else {
                        sidecar.within(c, answer, open);
                    }
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
                boolean shared = isShared(target);
                if (shared && replicas.adopt(c.id)) {
                    adopt(c, target);
                    continue;
                }
                if (sidecar.sessions.find(c.id) != null || !sidecar.isOpen(c)) {
                    continue;
                }
                c.attached = true;
                c.resumed = true;
                Object session = target.session(c);
                sidecar.sessions.put(c.id, session);
                Sidecar.Work open = () -> target.open(session);
                try {
                    if (shared) {
                        sidecar.muted(open);  // the other replicas have not let go of it
                    } else {
                        open.run();
                    }
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

    /** The handler was told of it as one of another replica, before this process knew which wsidecar is its own. */
    private void adopt(Connection c, Target target) throws IOException {
        Object held = sidecar.sessions.find(c.id);
        if (held != null) {
            target.connection(held).attached = true;
            target.connection(held).elsewhere = false;
        }
        sidecar.reopened(held == null ? c : target.connection(held));
    }

    /** Another replica has heard of their end: their own instance of wsidecar is gone. */
    void gone(String instance) throws IOException {
        for (String id : sidecar.gone(instance)) {
            Object session = sidecar.sessions.find(id);
            Target target = session == null ? null : targetOfSession(session, id);
            if (target != null) {
                target.connection(session).ended();
                sidecar.sessions.remove(id);
                Sidecar.Work close = () -> target.close(session, Target.LOST, null);
                try {
                    if (isShared(target) || target.reachesAll()) {
                        sidecar.muted(close);  // the replica that has heard of it has said what is to be said
                    } else {
                        close.run();
                    }
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

    private boolean isShared(Target target) {
        return replicas != null && target.shared();
    }

    /** Another replica has opened a connection. */
    void openedElsewhere(Connection c) {
        Target target = targets.of(c);
        if (target == null || !target.shared()) {
            return;
        }
        Object session;
        synchronized (locks[(c.hashCode() & 0x7fffffff) % LOCKS]) {
            if (sidecar.sessions.find(c.id) != null) {
                return;
            }
            c.elsewhere = true;
            session = target.session(c);
            sidecar.sessions.put(c.id, session);
        }
        try {
            sidecar.muted(() -> target.open(session));
        } catch (Exception e) {
            Log.warn(target.name() + " failed for a connection of another replica", e);
        }
        pin(c, target, session);
    }

    /** Attributes or the Principal of a connection of another replica: whoever holds its session here finds them. */
    void changedElsewhere(Connection newer) {
        Object session = sidecar.sessions.find(newer.id);
        Target target = session == null ? null : targets.of(newer);
        Connection c = target == null ? null : target.connection(session);
        if (c != null && c.elsewhere) {
            c.principal = newer.principal;
            c.attributes.putAll(newer.attributes);
            c.attributes.entrySet().removeIf(e -> e.getValue() instanceof Serializable && !newer.attributes.containsKey(e.getKey()));
        }
    }

    void closedElsewhere(Connection last, int code, String reason) {
        Object held = sidecar.sessions.find(last.id);
        Target target = held != null ? targetOfSession(held, last.id) : targets.of(last);
        if (target == null || !target.shared()) {
            return;
        }
        Object session = held != null ? held : target.session(last);
        target.connection(session).ended();
        sidecar.sessions.remove(last.id);
        try {
            sidecar.muted(() -> target.close(session, code, reason));
        } catch (Exception e) {
            Log.warn(target.name() + " failed for a connection of another replica", e);
        }
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
                if (replicas != null) {
                    replicas.changed(c);
                }
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
