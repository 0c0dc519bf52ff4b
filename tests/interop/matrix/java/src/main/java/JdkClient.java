import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletionStage;

class JdkClient extends Client implements WebSocket.Listener {
    private volatile WebSocket socket;
    private StringBuilder text = new StringBuilder();
    private ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    JdkClient(String url) {
        super(url);
    }

    void dial() {
        HttpClient.newHttpClient().newWebSocketBuilder().subprotocols(OFFERED.get(0), OFFERED.get(1)).buildAsync(URI.create(url), this)
            .exceptionally(e -> {
                again();
                return null;
            });
    }

    public void onOpen(WebSocket s) {
        socket = s;
        opened(s.getSubprotocol());
        s.request(1);
    }

    public CompletionStage<?> onText(WebSocket s, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            String whole = text.toString();
            text = new StringBuilder();
            heard(whole);
        }
        s.request(1);
        return null;
    }

    public CompletionStage<?> onBinary(WebSocket s, ByteBuffer data, boolean last) {
        byte[] some = new byte[data.remaining()];
        data.get(some);
        bytes.writeBytes(some);
        if (last) {
            byte[] whole = bytes.toByteArray();
            bytes = new ByteArrayOutputStream();
            heard(whole);
        }
        s.request(1);
        return null;
    }

    public CompletionStage<?> onClose(WebSocket s, int code, String reason) {
        closed(code, reason);
        return null;
    }

    public void onError(WebSocket s, Throwable e) {
        again();
    }

    void send(String t) {
        socket.sendText(t, true).join();
    }

    void send(byte[] b) {
        socket.sendBinary(ByteBuffer.wrap(b), true).join();
    }

    void sendFragments() {
        for (int i = 0; i < PARTS.length; i++) {
            socket.sendText(PARTS[i], i == PARTS.length - 1).join();
        }
    }

    void close(int code, String reason) {
        socket.sendClose(code, reason);
    }
}
