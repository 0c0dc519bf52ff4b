package io.wsidecar.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** One push as wsidecar reads it: a JSON object. */
public final class Envelope {
    /** wsidecar rejects a larger one. */
    private static final int MAX_BYTES = 1 << 20;
    private final Map<String, String> to = new LinkedHashMap<>();
    private final Map<String, String> members = new LinkedHashMap<>();

    /** One message to one connection. An IOException: it is too large. */
    static byte[] message(String connection, boolean text, byte[] payload) throws IOException {
        Envelope envelope = new Envelope().connection(connection);
        return (text ? envelope.text(new String(payload, StandardCharsets.UTF_8)) : envelope.binary(payload)).checked();
    }

    public Envelope connection(String id) { return target("connection", id); }
    public Envelope user(String name) { return target("user", name); }
    public Envelope destination(String name) { return target("destination", name); }

    public Envelope text(String text) {
        members.put("text", quote(text));
        return this;
    }

    public Envelope binary(byte[] bytes) {
        members.put("binary", quote(Base64.getEncoder().encodeToString(bytes)));
        return this;
    }

    public Envelope close(int code, String reason) {
        members.put("close", "{\"code\":" + code + ",\"reason\":" + quote(reason == null ? "" : Answer.cut(reason)) + "}");
        return this;
    }

    /** Of the MESSAGE frame. */
    public Envelope headers(Map<String, String> headers) {
        if (!headers.isEmpty()) {
            Map<String, String> quoted = new LinkedHashMap<>();
            headers.forEach((name, value) -> quoted.put(name, quote(value)));
            members.put("headers", object(quoted));
        }
        return this;
    }

    public byte[] bytes() {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("to", object(to));
        all.putAll(members);
        return object(all).getBytes(StandardCharsets.UTF_8);
    }

    /** An IOException: wsidecar would not take it. */
    byte[] checked() throws IOException {
        byte[] all = bytes();
        if (all.length > MAX_BYTES) {
            throw new IOException("a message of this size cannot be sent: with its address it takes " + all.length + " bytes, and wsidecar takes "
                + MAX_BYTES + ". Send it in parts");
        }
        return all;
    }

    private Envelope target(String kind, String name) {
        to.put(kind, quote(name));
        return this;
    }

    private static String object(Map<String, String> members) {
        StringBuilder out = new StringBuilder("{");
        members.forEach((name, json) -> out.append(out.length() == 1 ? "" : ",").append(quote(name)).append(':').append(json));
        return out.append('}').toString();
    }

    static String quote(String s) {
        StringBuilder out = new StringBuilder(s.length() + 2).append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
