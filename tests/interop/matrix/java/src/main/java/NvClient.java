import com.neovisionaries.ws.client.WebSocket;
import com.neovisionaries.ws.client.WebSocketAdapter;
import com.neovisionaries.ws.client.WebSocketException;
import com.neovisionaries.ws.client.WebSocketExtension;
import com.neovisionaries.ws.client.WebSocketFactory;
import com.neovisionaries.ws.client.WebSocketFrame;
import java.util.List;
import java.util.Map;

class NvClient extends Client {
    private volatile WebSocket socket;

    NvClient(String url) {
        super(url);
    }

    void dial() throws Exception {
        socket = new WebSocketFactory().createSocket(url).addProtocol(OFFERED.get(0)).addProtocol(OFFERED.get(1))
            .addExtension(WebSocketExtension.PERMESSAGE_DEFLATE).addListener(new WebSocketAdapter() {
                public void onConnected(WebSocket s, Map<String, List<String>> headers) {
                    opened(s.getAgreedProtocol());
                }

                public void onTextMessage(WebSocket s, String text) {
                    heard(text);
                }

                public void onBinaryMessage(WebSocket s, byte[] bytes) {
                    heard(bytes);
                }

                public void onConnectError(WebSocket s, WebSocketException e) {
                    again();
                }

                public void onDisconnected(WebSocket s, WebSocketFrame server, WebSocketFrame client, boolean byServer) {
                    closed(server == null ? 1006 : server.getCloseCode(), server == null ? "" : server.getCloseReason());
                }
            });
        socket.connectAsynchronously();
    }

    void send(String text) {
        socket.sendText(text);
    }

    void send(byte[] bytes) {
        socket.sendBinary(bytes);
    }

    void sendFragments() {
        socket.sendText(PARTS[0], false);
        socket.sendContinuation(PARTS[1], false);
        socket.sendContinuation(PARTS[2], true);
    }

    void close(int code, String reason) {
        socket.sendClose(code, reason);
    }
}
