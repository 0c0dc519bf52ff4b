package io.wsidecar.websocket;

import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import javax.websocket.RemoteEndpoint;
import javax.websocket.SendHandler;
import javax.websocket.SendResult;

/** Sending takes so little that it is done at once: what it gives back has ended. */
final class AsyncRemote extends Remote implements RemoteEndpoint.Async {
    private long timeout;

    private interface Sending {
        void run() throws Exception;
    }

    AsyncRemote(EndpointSession session) {
        super(session);
    }

    @Override
    public long getSendTimeout() {
        return timeout;
    }

    @Override
    public void setSendTimeout(long millis) {
        timeout = millis;
    }

    @Override
    public void sendText(String text, SendHandler handler) {
        told(handler, () -> session.connection().text(given(text)));
    }

    @Override
    public Future<Void> sendText(String text) {
        return future(() -> session.connection().text(given(text)));
    }

    @Override
    public Future<Void> sendBinary(ByteBuffer data) {
        return future(() -> session.connection().binary(Coders.bytes(given(data))));
    }

    @Override
    public void sendBinary(ByteBuffer data, SendHandler handler) {
        told(handler, () -> session.connection().binary(Coders.bytes(given(data))));
    }

    @Override
    public Future<Void> sendObject(Object o) {
        return future(() -> object(o));
    }

    @Override
    public void sendObject(Object o, SendHandler handler) {
        told(handler, () -> object(o));
    }

    private static Future<Void> future(Sending sending) {
        CompletableFuture<Void> future = new CompletableFuture<>();
        try {
            sending.run();
            future.complete(null);
        } catch (IllegalStateException | IllegalArgumentException e) {
            throw e;  // of a closed session, or of nothing to send, as a container's
        } catch (Exception e) {
            future.completeExceptionally(e);
        }
        return future;
    }

    private static void told(SendHandler handler, Sending sending) {
        given(handler);
        SendResult result;
        try {
            sending.run();
            result = new SendResult();
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (Exception e) {
            result = new SendResult(e);
        }
        handler.onResult(result);
    }
}
