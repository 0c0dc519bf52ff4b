package io.wsidecar.core;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Handlers at work, each with what answers its event before wsidecar stops waiting: a handler that takes longer has not failed. One thread
 * looks at them; an event costs an entry in a map.
 */
final class Overdue implements AutoCloseable {
    private static final long MAX_STEP_MILLIS = 100;
    private final long step;
    private final Map<Answer, Runnable> working = new ConcurrentHashMap<>();
    private volatile Thread thread;
    private boolean closed;

    /** @param marginMillis between the time when an answer is late and the end of wsidecar's patience */
    Overdue(long marginMillis) {
        step = Math.max(1, Math.min(MAX_STEP_MILLIS, marginMillis / 4));
    }

    /** @param early is run at most once, and not after end(); it must not wait for the handler. Null: this event has to be answered by its handler */
    void begin(Answer answer, Runnable early) {
        if (early != null) {
            working.put(answer, early);
            if (thread == null) {
                start();
            }
        }
    }

    /** The handler has returned. */
    void end(Answer answer) {
        working.remove(answer);
    }

    private synchronized void start() {
        if (thread == null && !closed) {
            thread = new Thread(this::look, "wsidecar-overdue");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void look() {
        try {
            while (true) {
                Thread.sleep(step);
                working.forEach((answer, early) -> {
                    if (answer.late() && working.remove(answer) != null) {
                        early.run();
                    }
                });
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (thread != null) {
            thread.interrupt();
        }
    }
}
