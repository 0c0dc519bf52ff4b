package io.wsidecar.core;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The session objects that something in this process holds, by connection. Who has put a session into a map of his own is given the same
 * object with each event; what nobody holds is not held here either, so that memory does not grow with connections.
 */
public final class Sessions {
    private final Map<String, Held> held = new ConcurrentHashMap<>();
    private final Map<String, Object> pinned = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> dropped = new ReferenceQueue<>();

    private static final class Held extends WeakReference<Object> {
        final String id;

        Held(String id, Object session, ReferenceQueue<Object> queue) {
            super(session, queue);
            this.id = id;
        }
    }

    /** Null: none is held. */
    public Object find(String id) {
        sweep();
        Held it = held.get(id);
        return it == null ? null : it.get();
    }

    public void put(String id, Object session) {
        sweep();
        held.put(id, new Held(id, session, dropped));
    }

    /** Keeps it as long as the connection is open. */
    public void pin(String id, Object session) {
        pinned.put(id, session);
    }

    public void remove(String id) {
        held.remove(id);
        pinned.remove(id);
    }

    public int size() {
        sweep();
        return held.size();
    }

    public int pinned() {
        return pinned.size();
    }

    private void sweep() {
        for (Held gone = (Held) dropped.poll(); gone != null; gone = (Held) dropped.poll()) {
            held.remove(gone.id, gone);
        }
    }
}
