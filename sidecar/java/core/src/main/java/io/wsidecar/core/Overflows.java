package io.wsidecar.core;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Connections whose last answer was too small for what its event sent, so that it went through the outbox. For a while, what their next events send
 * goes there too: with the answer it could overtake what is still on its way.
 */
final class Overflows {
    private static final int MAX = 1024;
    private static final long NANOS = TimeUnit.SECONDS.toNanos(5);
    private final Map<String, Long> until = new LinkedHashMap<>();

    synchronized void add(String connection) {
        until.remove(connection);
        until.put(connection, System.nanoTime() + NANOS);
        if (until.size() > MAX) {
            until.remove(until.keySet().iterator().next());
        }
    }

    synchronized boolean contains(String connection) {
        Long last = until.get(connection);
        if (last != null && System.nanoTime() - last > 0) {
            until.remove(connection);
            return false;
        }
        return last != null;
    }
}
