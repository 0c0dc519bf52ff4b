package io.wsidecar.websocket;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Parts;
import io.wsidecar.core.Sidecar;
import java.io.IOException;
import java.io.Serializable;
import java.net.URI;
import java.security.Principal;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.websocket.CloseReason;
import javax.websocket.EndpointConfig;
import javax.websocket.Extension;
import javax.websocket.MessageHandler;
import javax.websocket.RemoteEndpoint;
import javax.websocket.Session;
import javax.websocket.WebSocketContainer;

/** A Session as a value: it can be serialized, and what it sends reaches the client from any replica. */
public final class EndpointSession implements Session, Serializable {
    private static final long serialVersionUID = 1;
    private static final int LARGEST_MESSAGE = 128 << 10;
    private final Connection connection;
    private transient EndpointTarget target;
    private transient Map<String, String> pathParameters;
    /** The endpoint's object for this connection. */
    transient Object endpoint;
    transient EndpointConfig config;
    transient Map<MessageHandler, Class<?>> handlers;
    private transient Parts parts;
    private transient long idleTimeout;
    private transient int textBuffer;
    private transient int binaryBuffer;

    EndpointSession(Connection connection, EndpointTarget target) {
        this.connection = connection;
        this.target = target;
    }

    public Connection connection() {
        return connection;
    }

    Coders coders() {
        return target().coders();
    }

    private EndpointTarget target() {
        if (target == null) {
            target = EndpointTarget.of(connection);
        }
        return target;
    }

    @Override
    public WebSocketContainer getContainer() {
        return target().container();
    }

    @Override
    public synchronized void addMessageHandler(MessageHandler handler) {
        handlers().put(handler, Generics.argument(handler.getClass(), MessageHandler.Whole.class, MessageHandler.Partial.class));
    }

    @Override
    public synchronized <T> void addMessageHandler(Class<T> type, MessageHandler.Whole<T> handler) {
        handlers().put(handler, type);
    }

    @Override
    public synchronized <T> void addMessageHandler(Class<T> type, MessageHandler.Partial<T> handler) {
        handlers().put(handler, type);
    }

    @Override
    public synchronized Set<MessageHandler> getMessageHandlers() {
        return new HashSet<>(handlers().keySet());
    }

    @Override
    public synchronized void removeMessageHandler(MessageHandler handler) {
        handlers().remove(handler);
    }

    synchronized Map<MessageHandler, Class<?>> handlers() {
        if (handlers == null) {
            handlers = new LinkedHashMap<>();
        }
        return handlers;
    }

    /** What was sent of a message that has not ended. */
    synchronized Parts parts() {
        parts = parts == null ? new Parts() : parts;
        return parts;
    }

    @Override
    public String getProtocolVersion() {
        return "13";
    }

    @Override
    public String getNegotiatedSubprotocol() {
        return connection.subprotocol == null ? "" : connection.subprotocol;
    }

    @Override
    public List<Extension> getNegotiatedExtensions() {
        return Collections.emptyList();
    }

    @Override
    public boolean isSecure() {
        return connection.uri.startsWith("wss:");
    }

    @Override
    public boolean isOpen() {
        return connection.isOpen();
    }

    @Override
    public long getMaxIdleTimeout() {
        return idleTimeout;
    }

    @Override
    public void setMaxIdleTimeout(long millis) {
        idleTimeout = millis;
    }

    @Override
    public void setMaxBinaryMessageBufferSize(int length) {
        binaryBuffer = length;
    }

    @Override
    public int getMaxBinaryMessageBufferSize() {
        return binaryBuffer == 0 ? LARGEST_MESSAGE : binaryBuffer;
    }

    @Override
    public void setMaxTextMessageBufferSize(int length) {
        textBuffer = length;
    }

    @Override
    public int getMaxTextMessageBufferSize() {
        return textBuffer == 0 ? LARGEST_MESSAGE : textBuffer;
    }

    @Override
    public RemoteEndpoint.Async getAsyncRemote() {
        return new AsyncRemote(this);
    }

    @Override
    public RemoteEndpoint.Basic getBasicRemote() {
        return new BasicRemote(this);
    }

    @Override
    public String getId() {
        return connection.id;
    }

    @Override
    public void close() throws IOException {
        close(new CloseReason(CloseReason.CloseCodes.NORMAL_CLOSURE, ""));
    }

    @Override
    public void close(CloseReason reason) throws IOException {
        connection.close(reason.getCloseCode().getCode(), reason.getReasonPhrase());
    }

    @Override
    public URI getRequestURI() {
        return URI.create(connection.uri);
    }

    @Override
    public Map<String, List<String>> getRequestParameterMap() {
        Map<String, List<String>> all = Queries.parse(getQueryString());
        getPathParameters().forEach((name, value) -> all.put(name, Collections.singletonList(value)));
        return all;
    }

    @Override
    public String getQueryString() {
        int query = connection.uri.indexOf('?');
        return query < 0 ? null : connection.uri.substring(query + 1);
    }

    @Override
    public Map<String, String> getPathParameters() {
        if (pathParameters == null) {
            Map<String, String> found = target().variables(connection);
            pathParameters = found == null ? Collections.emptyMap() : Collections.unmodifiableMap(found);
        }
        return pathParameters;
    }

    @Override
    public Map<String, Object> getUserProperties() {
        return connection.attributes;
    }

    @Override
    public Principal getUserPrincipal() {
        return connection.principal;
    }

    /** Of this endpoint, on all replicas. */
    @Override
    public Set<Session> getOpenSessions() {
        return target().openSessions(this);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof EndpointSession && ((EndpointSession) other).connection.equals(connection);
    }

    @Override
    public int hashCode() {
        return connection.hashCode();
    }

    @Override
    public String toString() {
        return "EndpointSession[id=" + getId() + ", uri=" + connection.uri + "]";
    }

    private Object readResolve() {
        Object held = Sidecar.current().sessions.find(connection.id);
        return held instanceof EndpointSession ? held : this;
    }
}
