import java.net.URI;
import java.nio.ByteBuffer;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.client.ClientUpgradeRequest;
import org.eclipse.jetty.websocket.client.WebSocketClient;

public class JettyClient extends Client {
    private final WebSocketClient client = new WebSocketClient();
    private volatile Session session;

    JettyClient(String url) throws Exception {
        super(url);
        client.start();
    }

    void dial() throws Exception {
        ClientUpgradeRequest request = new ClientUpgradeRequest();
        request.setSubProtocols(OFFERED);
        request.addExtensions("permessage-deflate");
        client.connect(new Endpoint(), URI.create(url), request).exceptionally(e -> {
            again();
            return null;
        });
    }

    /** Jetty calls only what is public. */
    public class Endpoint implements Session.Listener.AutoDemanding {
        @Override
        public void onWebSocketOpen(Session s) {
            session = s;
            s.setMaxTextMessageSize(1 << 24);
            s.setMaxBinaryMessageSize(1 << 24);
            opened(s.getUpgradeResponse().getAcceptedSubProtocol());
        }

        @Override
        public void onWebSocketText(String text) {
            heard(text);
        }

        @Override
        public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
            byte[] all = new byte[payload.remaining()];
            payload.get(all);
            callback.succeed();
            heard(all);
        }

        @Override
        public void onWebSocketClose(int code, String reason) {
            closed(code, reason);
        }
    }

    void send(String text) {
        session.sendText(text, Callback.NOOP);
    }

    void send(byte[] bytes) {
        session.sendBinary(ByteBuffer.wrap(bytes), Callback.NOOP);
    }

    void sendFragments() {
        session.sendPartialText(PARTS[0], false, Callback.from(() -> session.sendPartialText(PARTS[1], false,
            Callback.from(() -> session.sendPartialText(PARTS[2], true, Callback.NOOP), e -> again())), e -> again()));
    }

    void close(int code, String reason) {
        session.close(code, reason, Callback.NOOP);
    }
}
