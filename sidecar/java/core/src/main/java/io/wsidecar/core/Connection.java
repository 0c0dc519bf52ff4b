package io.wsidecar.core;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A client's connection as a value: what is known of it, and ways to it that work from any replica. Sessions are views of one. It holds
 * nothing of the network, so it can be serialized, and equals any other of the same id.
 */
public final class Connection implements Serializable {
    private static final long serialVersionUID = 1;

    public final String id;
    /** The instance of wsidecar that has it. */
    public final String instance;
    /** As the client opened it: scheme, host, path and query. */
    public final String uri;
    public final Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    public final Map<String, Object> attributes = new ConcurrentHashMap<>();
    public String subprotocol;
    public Principal principal;
    public String remote;
    /** Whether the client came through SockJS's paths below its own. Known while its events come to this process. */
    public transient boolean sockJs;
    /** Its connect event, while it is being handled; null at any other time. */
    public transient Event opening;
    /** The process in which its handler was told that it is open. */
    transient long incarnation;
    /** Whether its events come to this process. */
    transient boolean attached;
    /** Whether its events come to another process, which tells this one when it ends. */
    transient boolean elsewhere;
    /** Counts what was written of it, so that an older copy is known as such. */
    transient long version;
    transient long openUntil;
    /** Opened again after a restart, and no event has come since. */
    transient boolean resumed;
    private transient volatile boolean closed;
    /** Whether something of it cannot be written down, so that it has to stay in memory. */
    transient boolean bound;

    public Connection(String id, String instance, String uri) {
        this.id = id;
        this.instance = instance;
        this.uri = uri;
    }

    public void text(String text) throws IOException {
        Sidecar.current().send(this, true, text.getBytes(StandardCharsets.UTF_8));
    }

    public void binary(byte[] bytes) throws IOException {
        Sidecar.current().send(this, false, bytes);
    }

    /** Closing what is closed does nothing. */
    public void close(int code, String reason) throws IOException {
        if (!closed) {
            closed = true;
            Sidecar.current().close(this, code, reason);
        }
    }

    /** Redis is asked only where the connection's events go to another process. */
    public boolean isOpen() {
        return !closed && (attached || elsewhere || Sidecar.current().isOpen(this));
    }

    /** Whether another process has its events, and tells this one of its opening and its end. */
    public boolean isElsewhere() {
        return elsewhere;
    }

    public void ended() {
        closed = true;
    }

    /** Null where there is none. */
    public String header(String name) {
        List<String> values = headers.get(name);
        return values == null || values.isEmpty() ? null : values.get(0);
    }

    /** The path of the uri, without the query, still encoded. */
    public String path() {
        int from = uri.indexOf("://");
        int path = from < 0 ? 0 : uri.indexOf('/', from + 3);
        int query = uri.indexOf('?');
        return path < 0 ? "/" : uri.substring(path, query < 0 ? uri.length() : query);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Connection && ((Connection) other).id.equals(id);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    @Override
    public String toString() {
        return id;
    }

    /** What goes through a serializer: the compact form, without what logs its user in. */
    private Object writeReplace() {
        return new Value(Codec.record(this, Codec.QUIET));
    }

    static final class Value implements Serializable {
        private static final long serialVersionUID = 1;
        private final byte[] content;

        Value(byte[] content) {
            this.content = content;
        }

        private Object readResolve() throws IOException {
            return Codec.connection(content);
        }
    }
}
