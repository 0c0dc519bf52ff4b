import org.asynchttpclient.AsyncHttpClient;
import org.asynchttpclient.Dsl;
import org.asynchttpclient.ws.WebSocket;
import org.asynchttpclient.ws.WebSocketListener;
import org.asynchttpclient.ws.WebSocketUpgradeHandler;

/** Answers no pings, as the library leaves that to its users; here it does. */
class AhcClient extends Client {
    private final AsyncHttpClient client = Dsl.asyncHttpClient(Dsl.config().setWebSocketMaxFrameSize(1 << 24).setWebSocketMaxBufferSize(1 << 24)
        .setEnablewebSocketCompression(true).setAggregateWebSocketFrameFragments(true));
    private volatile WebSocket socket;

    AhcClient(String url) {
        super(url);
    }

    void dial() {
        client.prepareGet(url).addHeader("Sec-WebSocket-Protocol", String.join(",", OFFERED)).execute(new WebSocketUpgradeHandler.Builder()
            .addWebSocketListener(new WebSocketListener() {
                public void onOpen(WebSocket s) {
                    socket = s;
                    opened(s.getUpgradeHeaders().get("Sec-WebSocket-Protocol"));
                }

                public void onTextFrame(String text, boolean last, int rsv) {
                    heard(text);
                }

                public void onBinaryFrame(byte[] bytes, boolean last, int rsv) {
                    heard(bytes);
                }

                public void onPingFrame(byte[] payload) {
                    socket.sendPongFrame(payload);
                }

                public void onClose(WebSocket s, int code, String reason) {
                    closed(code, reason);
                }

                public void onError(Throwable t) {
                    again();
                }
            }).build());
    }

    void send(String text) {
        socket.sendTextFrame(text);
    }

    void send(byte[] bytes) {
        socket.sendBinaryFrame(bytes);
    }

    void sendFragments() {
        socket.sendTextFrame(PARTS[0], false, 0);
        socket.sendContinuationFrame(PARTS[1], false, 0);
        socket.sendContinuationFrame(PARTS[2], true, 0);
    }

    void close(int code, String reason) {
        socket.sendCloseFrame(code, reason);
    }
}
