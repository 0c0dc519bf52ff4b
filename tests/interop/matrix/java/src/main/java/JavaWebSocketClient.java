import java.net.URI;
import java.nio.ByteBuffer;
import java.util.List;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.enums.Opcode;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.handshake.ServerHandshake;
import org.java_websocket.protocols.IProtocol;
import org.java_websocket.protocols.Protocol;

class JavaWebSocketClient extends Client {
    private volatile WebSocketClient socket;

    JavaWebSocketClient(String url) {
        super(url);
    }

    void dial() {
        List<IProtocol> offered = List.of(new Protocol(OFFERED.get(0)), new Protocol(OFFERED.get(1)));
        socket = new WebSocketClient(URI.create(url), new Draft_6455(List.of(new PerMessageDeflateExtension()), offered)) {
            public void onOpen(ServerHandshake handshake) {
                opened(handshake.getFieldValue("Sec-WebSocket-Protocol"));
            }

            public void onMessage(String text) {
                heard(text);
            }

            public void onMessage(ByteBuffer bytes) {
                byte[] all = new byte[bytes.remaining()];
                bytes.get(all);
                heard(all);
            }

            public void onClose(int code, String reason, boolean remote) {
                closed(code, reason);
            }

            public void onError(Exception e) {
            }
        };
        socket.setConnectionLostTimeout(0);
        socket.connect();
    }

    void send(String text) {
        socket.send(text);
    }

    void send(byte[] bytes) {
        socket.send(bytes);
    }

    void sendFragments() {
        for (int i = 0; i < PARTS.length; i++) {
            socket.sendFragmentedFrame(Opcode.TEXT, ByteBuffer.wrap(PARTS[i].getBytes(java.nio.charset.StandardCharsets.UTF_8)), i == PARTS.length - 1);
        }
    }

    void close(int code, String reason) {
        socket.close(code, reason);
    }
}
