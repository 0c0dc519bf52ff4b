package io.wsidecar.core;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** One event of wsidecar: what its headers say, and its body. */
public final class Event {
    public enum Type { CONNECT, MESSAGE, DISCONNECT, SUBSCRIBE, UNSUBSCRIBE }

    private static final String TYPE_FRONT = "wsidecar.";
    private static final String SOURCE_FRONT = "/wsidecar/";
    private static final String STOMP_FRONT = "stomp-";

    public final Type type;
    public final String id;
    public final String connection;
    /** The instance of wsidecar that has, or had, the connection. */
    public final String instance;
    public final String user;
    /** The path that the client opened, as it was encoded, without the query. */
    public final String subject;
    /** -1 where there is none: a survivor's disconnect. */
    public final long sequence;
    public final String state;
    public final String subprotocols;
    public final String subprotocol;
    public final int closeCode;
    public final String closeReason;
    public final String destination;
    /** Whether the client came through one of SockJS's transports, or its WebSocket without frames. */
    public final boolean sockJs;
    /** The STOMP frame's own headers, as the client wrote them; null: the client does not speak STOMP. */
    public final Map<String, String> stomp;
    public final byte[] body;
    private final Function<String, String> headers;

    private Event(Type type, String id, String connection, Function<String, String> header, Collection<String> names, byte[] body) {
        this.type = type;
        this.id = id;
        this.connection = connection;
        String source = header.apply("ce-source");
        this.instance = source != null && source.startsWith(SOURCE_FRONT) ? source.substring(SOURCE_FRONT.length()) : "";
        this.user = Percent.decode(header.apply("ce-userid"));
        this.subject = header.apply("ce-subject");
        this.sequence = number(header.apply("ce-sequence"), -1);
        this.state = header.apply("ws-state");
        this.subprotocols = header.apply("ws-subprotocols");
        this.subprotocol = header.apply("ws-subprotocol");
        this.closeCode = (int) number(header.apply("ws-close-code"), Target.LOST);
        this.closeReason = Percent.decode(header.apply("ws-close-reason"));
        this.destination = Percent.decode(header.apply("ws-destination"));
        this.sockJs = header.apply("ws-transport") != null;
        this.headers = header;
        this.stomp = stomp(header, names);
        this.body = body;
    }

    /** Whether a request says that it is an event; it has yet to prove it. */
    public static boolean claimed(Function<String, String> header) {
        String type = header.apply("ce-type");
        return type != null && type.startsWith(TYPE_FRONT);
    }

    /** Nothing where the headers are not those of an event. */
    public static Event parse(Function<String, String> header, Collection<String> names, byte[] body) {
        String name = header.apply("ce-type");
        String id = header.apply("ce-id");
        String connection = header.apply("ce-connectionid");
        if (name == null || id == null || connection == null || connection.isEmpty() || connection.length() > 256
                || !id.startsWith(connection + ":")) {
            return null;
        }
        for (Type type : Type.values()) {
            if (name.equals(TYPE_FRONT + type.name().toLowerCase(Locale.ROOT))) {
                return new Event(type, id, connection, header, names, body);
            }
        }
        return null;
    }

    /** Any other header. */
    public String header(String name) {
        return headers.apply(name);
    }

    /** Whether the client sent its message as a binary one. */
    public boolean binary() {
        String contentType = headers.apply("content-type");
        return contentType != null && contentType.startsWith("application/octet-stream");
    }

    /** Servers make the names of HTTP headers lower case; ws-stomp-headers has them as they were, and whole those that no HTTP header can be. */
    private static Map<String, String> stomp(Function<String, String> header, Collection<String> names) {
        Map<String, String> out = new LinkedHashMap<>();
        for (String name : names) {
            if (name.toLowerCase(Locale.ROOT).startsWith(STOMP_FRONT)) {
                out.put(name.substring(STOMP_FRONT.length()), Percent.decode(header.apply(name)));
            }
        }
        String list = header.apply("ws-stomp-headers");
        if (list == null) {
            return out.isEmpty() && header.apply("ws-destination") == null ? null : out;
        }
        for (String element : list.split(",")) {
            String[] pair = element.trim().split("=", 2);
            String name = Percent.decode(pair[0]);
            if (pair.length == 2) {
                out.put(name, Percent.decode(pair[1]));
            } else if (name.equals("content-type")) {
                out.put(name, header.apply("content-type"));
            } else {
                String value = header.apply(STOMP_FRONT + name);
                if (value != null) {
                    out.keySet().removeIf(known -> known.equalsIgnoreCase(name));
                    out.put(name, Percent.decode(value));
                }
            }
        }
        return out;
    }

    private static long number(String text, long otherwise) {
        return text != null && text.matches("[0-9]{1,18}") ? Long.parseLong(text) : otherwise;
    }
}
