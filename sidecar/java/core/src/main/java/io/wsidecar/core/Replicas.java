package io.wsidecar.core;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Tells the handlers of this replica of the connections of the other replicas, so that an application's own collection of sessions holds those
 * of all replicas, as it did when there was one. What a handler sends while it is only told is not sent: the replica that has the connection
 * has sent it already.
 */
public final class Replicas implements AutoCloseable {
    private static final String CHANNEL = "java:replicas";
    private static final String TOLD = "java:told:";
    private static final int QUEUE = 10000;
    private static final long RETRY_MILLIS = 1000;
    /** How long the opening of a connection waits for the other replicas. */
    private static final long PATIENCE_MILLIS = 3000;
    private static final long IMPATIENT_MILLIS = 5000;
    private static final long FIRST_MILLIS = 2000;
    private static final long GAP_MILLIS = 100;
    private static final long CANARY_MILLIS = 5000;
    private static final int TOLD_SECONDS = 5;

    private enum Kind { OPEN, CHANGED, CLOSED, CANARY }

    private final Sidecar sidecar;
    private final Events events;
    private final BlockingQueue<byte[]> queue = new ArrayBlockingQueue<>(QUEUE);
    /** Connections of other replicas that the handlers here have been told of, and their instance. */
    private final Map<String, String> known = new ConcurrentHashMap<>();
    private final CountDownLatch first = new CountDownLatch(1);
    private final AtomicBoolean gap = new AtomicBoolean(true);
    private final Thread subscriber = new Thread(this::subscribe, "wsidecar-subscriber");
    private final Thread worker = new Thread(this::work, "wsidecar-replicas");
    private long canarySent;
    private long canaryBack;
    private long nextCanary;
    private volatile long impatientUntil;
    private volatile boolean unsupported;
    private volatile boolean stopped;

    Replicas(Sidecar sidecar, Events events) {
        this.sidecar = sidecar;
        this.events = events;
        for (Thread thread : new Thread[] {subscriber, worker}) {
            thread.setDaemon(true);
            thread.setContextClassLoader(Thread.currentThread().getContextClassLoader());
            thread.start();
        }
    }

    /** How many connections of other replicas the handlers know of. */
    public int size() {
        return known.size();
    }

    /** Before the first event: the handlers know of the connections that were there. */
    void ready() {
        if (unsupported || first.getCount() == 0) {
            return;
        }
        try {
            first.await(FIRST_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        first.countDown();
    }

    /** A connection of this replica is open: the others know of it when this returns, or soon. */
    void opened(Connection c) throws IOException {
        long others = publish(Kind.OPEN, c, 0, null) - 1;
        if (others <= 0 || System.currentTimeMillis() < impatientUntil) {
            return;
        }
        byte[] told = sidecar.key(TOLD + c.id);
        long until = System.currentTimeMillis() + PATIENCE_MILLIS;
        for (long heard = 0; heard < others; ) {
            if (sidecar.redis().lpop(told) != null) {
                heard++;
            } else if (System.currentTimeMillis() > until) {
                impatientUntil = System.currentTimeMillis() + IMPATIENT_MILLIS;
                return;
            } else {
                pause(1);
            }
        }
    }

    void changed(Connection c) throws IOException {
        publish(Kind.CHANGED, c, 0, null);
    }

    void closed(Connection c, int code, String reason) throws IOException {
        known.remove(c.id);
        publish(Kind.CLOSED, c, code, reason);
    }

    /** Now and then: a message to itself, whose absence means that others may have been missed too. */
    private void canary() throws IOException {
        long now = System.currentTimeMillis();
        if (now < nextCanary) {
            return;
        }
        nextCanary = now + (gap.get() ? GAP_MILLIS : CANARY_MILLIS);
        if (canarySent != canaryBack) {
            gap.set(true);
        }
        publish(Kind.CANARY, null, 0, Long.toString(++canarySent));
    }

    /** A connection that this replica was told of is its own: its wsidecar was not known yet. */
    boolean adopt(String id) {
        return known.remove(id) != null;
    }

    @Override
    public void close() {
        stopped = true;
        subscriber.interrupt();
        worker.interrupt();
    }

    private long publish(Kind kind, Connection c, int code, String reason) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeByte(kind.ordinal());
        out.writeLong(sidecar.incarnation);
        out.writeInt(code);
        out.writeUTF(reason == null ? "" : reason);
        if (c != null) {
            out.write(Codec.record(c, Codec.QUIET));
        }
        return sidecar.redis().publish(sidecar.key(CHANNEL), sidecar.sealed("replica", bytes.toByteArray()));
    }

    private void subscribe() {
        while (!stopped) {
            try {
                sidecar.redis().subscribe(sidecar.key(CHANNEL), message -> {
                    if (!queue.offer(message)) {
                        gap.set(true);
                    }
                });
            } catch (UnsupportedOperationException e) {
                Log.warn("the application's own Redis bean has no subscribe(): its handlers know the connections of their own replica only");
                unsupported = true;
                return;
            } catch (IOException e) {
                // Redis is away, or the connection broke: once more.
            }
            gap.set(true);
            pause(RETRY_MILLIS);
        }
    }

    private void work() {
        while (!stopped) {
            try {
                byte[] message = queue.poll(GAP_MILLIS, TimeUnit.MILLISECONDS);
                if (message != null) {
                    take(message);
                }
                canary();
            } catch (InterruptedException e) {
                return;
            } catch (IOException e) {
                gap.set(true);
                nextCanary = System.currentTimeMillis() + RETRY_MILLIS;
            } catch (RuntimeException e) {
                Log.warn("a message of another replica failed", e);
            }
        }
    }

    private void take(byte[] message) throws IOException {
        byte[] content = sidecar.unsealed("replica", message);
        if (content == null) {
            return;
        }
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(content));
        Kind kind = Kind.values()[in.readByte()];
        boolean mine = in.readLong() == sidecar.incarnation;
        int code = in.readInt();
        String reason = in.readUTF();
        if (kind == Kind.CANARY) {
            if (mine) {
                canaryBack = Long.parseLong(reason);
                if (gap.getAndSet(false)) {
                    compare();
                }
            }
            return;
        }
        if (mine) {
            return;
        }
        byte[] record = new byte[in.available()];
        in.readFully(record);
        Connection c = Codec.connection(record);
        switch (kind) {
            case OPEN:
                tell(c);
                sidecar.redis().rpush(sidecar.key(TOLD + c.id), new byte[] {1});
                sidecar.redis().expire(sidecar.key(TOLD + c.id), TOLD_SECONDS);
                break;
            case CHANGED: events.changedElsewhere(c); break;
            case CLOSED: gone(c, code, reason); break;
            default: break;
        }
    }

    private void tell(Connection c) {
        if (!sidecar.instances().contains(c.instance) && known.putIfAbsent(c.id, c.instance.intern()) == null) {
            events.openedElsewhere(c);
        }
    }

    private void gone(Connection c, int code, String reason) {
        if (known.remove(c.id) != null) {
            events.closedElsewhere(c, code, reason);
        }
    }

    /** With what Redis has: after a start, and after messages may have been missed. */
    private void compare() throws IOException {
        Set<String> there = new HashSet<>();
        boolean whole = sidecar.stillThere();
        for (Connection c : sidecar.everywhere()) {
            there.add(c.id);
            tell(c);
        }
        first.countDown();
        if (!whole) {
            return;  // Redis has lost its data: what it does not have may be open all the same
        }
        for (Map.Entry<String, String> e : known.entrySet()) {
            if (!there.contains(e.getKey())) {
                gone(new Connection(e.getKey(), e.getValue(), "ws://localhost/"), Target.LOST, null);
            }
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
