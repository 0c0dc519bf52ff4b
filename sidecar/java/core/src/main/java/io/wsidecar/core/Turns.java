package io.wsidecar.core;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** One event of a connection at a time: wsidecar sends the next one when it has stopped waiting for a handler that is still at work. */
final class Turns {
    private final Map<String, CountDownLatch> working = new ConcurrentHashMap<>();

    /** False: the event before it is still at work after this time. */
    boolean begin(String connection, long nanos) {
        CountDownLatch mine = new CountDownLatch(1);
        long start = System.nanoTime();
        for (CountDownLatch before = working.putIfAbsent(connection, mine); before != null; before = working.putIfAbsent(connection, mine)) {
            try {
                if (!before.await(nanos - (System.nanoTime() - start), TimeUnit.NANOSECONDS)) {
                    return false;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    void end(String connection) {
        working.remove(connection).countDown();
    }
}
