package io.wsidecar.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the answer to an event says: messages to its client in their order, and commands. */
public final class Answer {
    private static final int MAX_CLOSE_REASON = 123;
    private static final int POLICY_VIOLATION = 1008;
    /** wsidecar's app.max_answer by default. What does not fit goes another way. */
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_MESSAGES = 400;
    /** Of one header of an ERROR, in bytes. */
    private static final int MAX_ERROR_HEADER = 1000;
    /** Of all of them as they are encoded: servers write at most 8 KiB of headers. */
    private static final int MAX_ERROR_HEADERS = 4096;

    private final List<byte[]> payloads = new ArrayList<>();
    private final List<Boolean> texts = new ArrayList<>();
    private final Map<String, String> headers = new LinkedHashMap<>();
    private int status = 200;
    private int bytes;
    private String contentType;
    private boolean done;
    private boolean overflowed;
    private boolean late;
    private boolean refused;
    private int closeCode;
    private String closeReason;
    /** When wsidecar stops waiting for it, as System.nanoTime() says it; what is sent from then on goes another way. */
    private final long start = System.nanoTime();
    private final long patience;

    /** Takes one message out of the answer. */
    interface Taker {
        void take(boolean text, byte[] payload) throws IOException;
    }

    public Answer() {
        this(Long.MAX_VALUE);
    }

    /** @param patience how many nanoseconds after now wsidecar still takes this answer */
    Answer(long patience) {
        this.patience = patience;
    }

    /** Whether wsidecar may have stopped waiting for it. */
    synchronized boolean late() {
        late |= System.nanoTime() - start >= patience;
        return late;
    }

    /** The close that nobody would read in an answer that comes too late. Null: there is none. */
    synchronized Envelope lateClose(String connection) {
        return headers.remove("Ws-Close") == null ? null : new Envelope().connection(connection).close(closeCode, closeReason);
    }

    /** False when the event has been answered, or the answer is full or late. Behind a refusal nothing is sent. */
    public synchronized boolean add(boolean text, byte[] payload) {
        if (refused && !done) {
            return true;
        }
        if (done || overflowed || late() || bytes + payload.length > MAX_BYTES || payloads.size() >= MAX_MESSAGES) {
            return false;
        }
        payloads.add(payload);
        texts.add(text);
        bytes += payload.length;
        return true;
    }

    /**
     * Moves the messages of an answer that is full to where all further messages of its event go, so that they stay in order. False: the event
     * has been answered. An IOException: those that could not be moved are still in the answer.
     */
    synchronized boolean overflow(Taker taker) throws IOException {
        if (done) {
            return false;
        }
        while (!payloads.isEmpty()) {
            taker.take(texts.get(0), payloads.get(0));
            bytes -= payloads.remove(0).length;
            texts.remove(0);
        }
        overflowed = true;
        return true;
    }

    /** False when the event has been answered, or its messages go another way, behind which the close has to come. */
    public synchronized boolean close(int code, String reason) {
        if (done || overflowed || late()) {
            return false;
        }
        closeCode = code;
        closeReason = reason;
        headers.put("Ws-Close", code + (reason == null || reason.isEmpty() ? "" : " " + Percent.encode(cut(reason))));
        return true;
    }

    public synchronized Answer status(int value) {
        status = value;
        return this;
    }

    public synchronized Answer header(String name, String value) {
        headers.put(name, value);
        return this;
    }

    /** Of the one message that a STOMP destination gets. */
    public synchronized Answer contentType(String value) {
        contentType = value;
        return this;
    }

    /**
     * The application says no to a STOMP frame: what was to be sent is not, and the client gets an ERROR with these headers and this body.
     *
     * @param words headers of the ERROR, as `message`; those that HTTP cannot have, and what is too much for an answer's head, are left out
     * @param type of the body; null: wsidecar's own
     */
    public synchronized Answer refuse(int value, Map<String, String> words, String type, byte[] body) {
        payloads.clear();
        texts.clear();
        headers.clear();
        bytes = 0;
        status = value;
        refused = true;
        contentType = type;
        if (body.length > 0) {
            payloads.add(body);
            texts.add(true);
        }
        int left = MAX_ERROR_HEADERS;
        for (Map.Entry<String, String> word : words.entrySet()) {
            String encoded = word.getValue() == null ? "" : Percent.encode(cut(word.getValue(), MAX_ERROR_HEADER));
            left -= word.getKey().length() + encoded.length();
            if (left >= 0 && word.getKey().matches("[A-Za-z0-9._-]+")) {
                headers.put("stomp-" + word.getKey(), encoded);
            }
        }
        if (late()) {  // the ERROR that nobody would read
            payloads.clear();
            headers.clear();
            headers.put("Ws-Close", "");
            closeCode = POLICY_VIOLATION;
            closeReason = words.get("message");
        }
        return this;
    }

    /** As another answer refuses. False when the event has been answered. */
    public synchronized boolean refuse(Answer other) {
        if (done) {
            return false;
        }
        if (late()) {
            refuse(other.status, Collections.singletonMap("message", Percent.decode(other.headers.get("stomp-message"))), null, new byte[0]);
        } else {
            refuse(other.status, Collections.emptyMap(), other.contentType, other.body());
            headers.putAll(other.headers);
        }
        return true;
    }

    public synchronized boolean refused() {
        return refused;
    }

    public synchronized boolean isEmpty() {
        return payloads.isEmpty();
    }

    /** From now on it takes no more. */
    public synchronized Answer end() {
        done = true;
        return this;
    }

    public synchronized int status() {
        return status;
    }

    /** Header lines that say what was collected. */
    public synchronized Map<String, String> headers() {
        Map<String, String> all = new LinkedHashMap<>(headers);
        if (payloads.size() == 1 && payloads.get(0).length > 0) {
            all.put("Content-Type", contentType != null ? contentType : texts.get(0) ? "text/plain;charset=utf-8" : "application/octet-stream");
        } else if (!payloads.isEmpty()) {
            StringBuilder parts = new StringBuilder();
            for (int i = 0; i < payloads.size(); i++) {
                parts.append(i == 0 ? "" : ",").append(texts.get(i) ? "text=" : "binary=").append(payloads.get(i).length);
            }
            all.put("Ws-Messages", parts.toString());
            all.put("Content-Type", "application/octet-stream");
        }
        return all;
    }

    public synchronized byte[] body() {
        if (payloads.size() == 1) {
            return payloads.get(0);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(bytes);
        for (byte[] payload : payloads) {
            out.write(payload, 0, payload.length);
        }
        return out.toByteArray();
    }

    static String cut(String reason) {
        return cut(reason, MAX_CLOSE_REASON);
    }

    /** The text's first characters, at most so many bytes of UTF-8. */
    private static String cut(String text, int most) {
        int bytes = 0;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            if (bytes > most) {
                return text.substring(0, i);
            }
        }
        return text;
    }
}
