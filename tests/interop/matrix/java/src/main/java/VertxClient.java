import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.WebSocket;
import io.vertx.core.http.WebSocketClient;
import io.vertx.core.http.WebSocketClientOptions;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.http.WebSocketFrame;

class VertxClient extends Client {
    private final WebSocketClient client = Vertx.vertx().createWebSocketClient(new WebSocketClientOptions().setMaxFrameSize(1 << 24)
        .setMaxMessageSize(1 << 24).setTryUsePerMessageCompression(true));
    private volatile WebSocket socket;

    VertxClient(String url) {
        super(url);
    }

    void dial() {
        client.connect(new WebSocketConnectOptions().setAbsoluteURI(url).setSubProtocols(OFFERED)).onFailure(e -> again()).onSuccess(s -> {
            socket = s;
            s.textMessageHandler(this::heard);
            s.binaryMessageHandler(b -> heard(b.getBytes()));
            s.closeHandler(v -> closed(s.closeStatusCode() == null ? 1006 : s.closeStatusCode(), s.closeReason()));
            opened(s.subProtocol());
        });
    }

    void send(String text) {
        socket.writeTextMessage(text);
    }

    void send(byte[] bytes) {
        socket.writeBinaryMessage(Buffer.buffer(bytes));
    }

    void sendFragments() {
        socket.writeFrame(WebSocketFrame.textFrame(PARTS[0], false));
        socket.writeFrame(WebSocketFrame.continuationFrame(Buffer.buffer(PARTS[1]), false));
        socket.writeFrame(WebSocketFrame.continuationFrame(Buffer.buffer(PARTS[2]), true));
    }

    void close(int code, String reason) {
        socket.close((short) code, reason);
    }
}
