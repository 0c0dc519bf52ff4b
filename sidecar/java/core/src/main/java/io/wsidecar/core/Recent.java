package io.wsidecar.core;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Events that were handled lately, with their answers: the same ce-id again is not handled again and gets the same answer, and one that
 * stands before what was handled already is refused. Bounded in number and in bytes.
 */
public final class Recent {
    private static final int MAX_EVENTS = 4096;
    private static final int MAX_BYTES = 8 << 20;
    private static final long PATIENCE_SECONDS = 30;
    static final int STALE = 409;
    static final int LATER = 503;

    private final Map<String, Entry> events = new LinkedHashMap<>();
    private final Sequences sequences = new Sequences();
    private int bytes;

    private static final class Entry {
        final CompletableFuture<Answer> answer = new CompletableFuture<>();
        int bytes;
    }

    public Answer handle(Event event, Supplier<Answer> work) {
        Entry mine = new Entry();
        Entry earlier;
        synchronized (this) {
            earlier = events.get(event.id);
            if (earlier == null) {
                if (event.sequence >= 0 && event.sequence <= sequences.of(event.connection)) {
                    return new Answer().status(STALE).end();
                }
                events.put(event.id, mine);
            }
        }
        if (earlier != null) {
            return await(earlier);
        }
        Answer answer = null;
        try {
            answer = work.get();
            return answer;
        } finally {
            finish(event, mine, answer);
        }
    }

    private void finish(Event event, Entry entry, Answer answer) {
        synchronized (this) {
            if (answer == null || answer.status() == LATER) {
                events.remove(event.id);  // wsidecar sends it again, and then it is handled
            } else {
                entry.bytes = answer.body().length + 256;
                bytes += entry.bytes;
                if (event.sequence >= 0) {
                    sequences.put(event.connection, event.sequence);
                }
                if (event.type == Event.Type.DISCONNECT) {
                    sequences.put(event.connection, Long.MAX_VALUE);
                }
                trim();
            }
        }
        entry.answer.complete(answer == null ? new Answer().status(500).end() : answer);
    }

    private void trim() {
        Iterator<Entry> oldest = events.values().iterator();
        while ((events.size() > MAX_EVENTS || bytes > MAX_BYTES) && oldest.hasNext()) {
            Entry entry = oldest.next();
            if (entry.answer.isDone()) {
                bytes -= entry.bytes;
                oldest.remove();
            }
        }
    }

    private static Answer await(Entry entry) {
        try {
            return entry.answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            // Still under way: once more, later.
        }
        return new Answer().status(LATER).end();
    }
}
