package io.wsidecar.websocket;

import io.wsidecar.core.Log;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.websocket.EncodeException;
import javax.websocket.RemoteEndpoint;

/** What both ways to send have in common. */
abstract class Remote implements RemoteEndpoint {
    private static final AtomicBoolean PING_TOLD = new AtomicBoolean();
    final EndpointSession session;

    Remote(EndpointSession session) {
        this.session = session;
    }

    /** As containers check what they are given. */
    static <T> T given(T value) {
        if (value == null) {
            throw new IllegalArgumentException("null cannot be sent, and a SendHandler cannot be null");
        }
        return value;
    }

    void object(Object o) throws IOException, EncodeException {
        Object encoded = session.coders().encode(given(o));
        if (encoded instanceof String) {
            session.connection().text((String) encoded);
        } else {
            session.connection().binary((byte[]) encoded);
        }
    }

    @Override
    public void setBatchingAllowed(boolean allowed) {
        // What an event sends goes with its answer, all at once.
    }

    @Override
    public boolean getBatchingAllowed() {
        return false;
    }

    @Override
    public void flushBatch() {
        // Nothing waits.
    }

    @Override
    public void sendPing(ByteBuffer data) {
        pingTold();
    }

    @Override
    public void sendPong(ByteBuffer data) {
        pingTold();
    }

    private static void pingTold() {
        if (PING_TOLD.compareAndSet(false, true)) {
            Log.info("pings of the application are not sent: wsidecar pings its clients itself (ping in wsidecar.yaml)");
        }
    }
}
