package io.wsidecar.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/**
 * With wsidecar.scheduled=one, elects the replica that sends what the @Scheduled methods of all replicas send: the one that runs longest, by heartbeats in Redis. Each replica judges by its own clock whether the heartbeats of
 * another go on, so clocks need not agree. For a moment after a change there may be two leaders or none.
 */
public final class Leader {
    private static final String BEATS = "java:replicas";
    private static final long ALIVE_MILLIS = 4000;
    private static final long FORGOTTEN_MILLIS = 60000;
    private final Sidecar sidecar;
    /** It sorts by the time of the start. */
    private final String own;
    private final Map<String, Seen> seen = new HashMap<>();
    private long beats;
    private volatile boolean leading;
    private volatile BooleanSupplier scheduled = () -> false;
    private final AtomicLong left = new AtomicLong();

    private static final class Seen {
        final String beat;
        final long at;

        Seen(String beat, long at) {
            this.beat = beat;
            this.at = at;
        }
    }

    Leader(Sidecar sidecar) {
        this.sidecar = sidecar;
        this.own = String.format("%016x-%016x", System.currentTimeMillis(), sidecar.incarnation);
    }

    /** How to ask whether this thread does something on a schedule. */
    public void scheduled(BooleanSupplier value) {
        scheduled = value;
    }

    /** Whether another replica, which has the same schedule, sends what this thread would send. */
    public boolean sendsForThis() {
        if (sidecar.settings.scheduled() != Settings.Scheduled.ONE || leading || sidecar.atWork() || !scheduled.getAsBoolean()) {
            return false;
        }
        left.incrementAndGet();
        return true;
    }

    /** How many messages of this replica were left to another one. */
    public long left() {
        return left.get();
    }

    /** To be called once a second. */
    void beat() throws IOException {
        sidecar.field(BEATS, own, Long.toString(++beats).getBytes(StandardCharsets.UTF_8));
        long now = TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        String first = own;
        for (Map.Entry<byte[], byte[]> e : sidecar.fields(BEATS).entrySet()) {
            String name = new String(e.getKey(), StandardCharsets.UTF_8);
            String beat = new String(e.getValue(), StandardCharsets.UTF_8);
            Seen before = seen.get(name);
            if (before == null || !before.beat.equals(beat)) {
                before = new Seen(beat, now);
                seen.put(name, before);
            }
            if (now - before.at > FORGOTTEN_MILLIS) {
                sidecar.field(BEATS, name, null);
                seen.remove(name);
            } else if (now - before.at < ALIVE_MILLIS && name.compareTo(first) < 0) {
                first = name;
            }
        }
        leading = first.equals(own);
    }

    /** The next one need not wait until this one is missed. */
    void resign() throws IOException {
        leading = false;
        sidecar.field(BEATS, own, null);
    }
}
