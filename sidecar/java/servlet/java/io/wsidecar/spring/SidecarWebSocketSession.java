package io.wsidecar.spring;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Log;
import io.wsidecar.core.Parts;
import io.wsidecar.core.Sidecar;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.Principal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.springframework.http.HttpHeaders;
import org.springframework.web.socket.BinaryMessage;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.PingMessage;
import org.springframework.web.socket.PongMessage;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketExtension;
import org.springframework.web.socket.WebSocketMessage;
import org.springframework.web.socket.WebSocketSession;

/** A WebSocketSession as a value: it can be serialized, and what it sends reaches the client from any replica. */
public final class SidecarWebSocketSession implements WebSocketSession, Serializable {
    private static final long serialVersionUID = 1;
    /** wsidecar's limits.message by default. */
    private static final int LARGEST_MESSAGE = 128 << 10;
    private static final AtomicBoolean PING_TOLD = new AtomicBoolean();
    private static final AtomicBoolean LIMIT_TOLD = new AtomicBoolean();

    private final Connection connection;
    private transient int textLimit = LARGEST_MESSAGE;
    private transient int binaryLimit = LARGEST_MESSAGE;
    private transient Parts parts;

    SidecarWebSocketSession(Connection connection) {
        this.connection = connection;
    }

    public static SidecarWebSocketSession of(Connection c) {
        return new SidecarWebSocketSession(c);
    }

    public Connection connection() {
        return connection;
    }

    @Override
    public String getId() {
        return connection.id;
    }

    @Override
    public URI getUri() {
        return URI.create(connection.uri);
    }

    @Override
    public HttpHeaders getHandshakeHeaders() {
        HttpHeaders headers = new HttpHeaders();
        connection.headers.forEach((name, values) -> values.forEach(value -> headers.add(name, value)));
        return headers;
    }

    @Override
    public Map<String, Object> getAttributes() {
        return connection.attributes;
    }

    @Override
    public Principal getPrincipal() {
        return connection.principal;
    }

    @Override
    public InetSocketAddress getLocalAddress() {
        URI uri = getUri();
        return InetSocketAddress.createUnresolved(uri.getHost() == null ? "localhost" : uri.getHost(), uri.getPort() < 0 ? 0 : uri.getPort());
    }

    @Override
    public InetSocketAddress getRemoteAddress() {
        String remote = connection.remote;
        boolean address = remote != null && remote.matches("[0-9a-fA-F.:]+");  // no name that would be looked up
        return address ? new InetSocketAddress(remote, 0) : remote == null ? null : InetSocketAddress.createUnresolved(remote, 0);
    }

    @Override
    public String getAcceptedProtocol() {
        return connection.subprotocol;
    }

    @Override
    public void setTextMessageSizeLimit(int limit) {
        tell(limit);
        textLimit = limit;
    }

    @Override
    public int getTextMessageSizeLimit() {
        return textLimit == 0 ? LARGEST_MESSAGE : textLimit;
    }

    @Override
    public void setBinaryMessageSizeLimit(int limit) {
        tell(limit);
        binaryLimit = limit;
    }

    @Override
    public int getBinaryMessageSizeLimit() {
        return binaryLimit == 0 ? LARGEST_MESSAGE : binaryLimit;
    }

    private static void tell(int limit) {
        if (limit > LARGEST_MESSAGE && LIMIT_TOLD.compareAndSet(false, true)) {
            Log.warn("a handler sets a message size limit of " + limit + " bytes: wsidecar takes messages up to limits.message, 128 KiB unless "
                + "wsidecar.yaml says more");
        }
    }

    @Override
    public List<WebSocketExtension> getExtensions() {
        return Collections.emptyList();
    }

    @Override
    public void sendMessage(WebSocketMessage<?> message) throws IOException {
        if (message instanceof TextMessage) {
            String whole = parts().text(((TextMessage) message).getPayload(), message.isLast());
            if (whole != null) {
                connection.text(whole);
            }
        } else if (message instanceof BinaryMessage) {
            ByteBuffer payload = ((BinaryMessage) message).getPayload().duplicate();
            byte[] bytes = new byte[payload.remaining()];
            payload.get(bytes);
            byte[] whole = parts().binary(bytes, message.isLast());
            if (whole != null) {
                connection.binary(whole);
            }
        } else if (message instanceof PingMessage || message instanceof PongMessage) {
            if (PING_TOLD.compareAndSet(false, true)) {
                Log.info("pings of the application are not sent: wsidecar pings its clients itself (ping in wsidecar.yaml)");
            }
        } else {
            throw new IllegalStateException("Unexpected WebSocketMessage type: " + message);
        }
    }

    private synchronized Parts parts() {
        parts = parts == null ? new Parts() : parts;
        return parts;
    }

    @Override
    public boolean isOpen() {
        return connection.isOpen();
    }

    @Override
    public void close() throws IOException {
        close(CloseStatus.NORMAL);
    }

    @Override
    public void close(CloseStatus status) throws IOException {
        connection.close(status.getCode(), status.getReason());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SidecarWebSocketSession && ((SidecarWebSocketSession) other).connection.equals(connection);
    }

    @Override
    public int hashCode() {
        return connection.hashCode();
    }

    @Override
    public String toString() {
        return "SidecarWebSocketSession[id=" + getId() + ", uri=" + connection.uri + "]";
    }

    /** In the process that has its events it is the session that is there already. */
    private Object readResolve() {
        Object held = Sidecar.current().sessions.find(connection.id);
        return held instanceof SidecarWebSocketSession ? held : this;
    }
}
