import jakarta.websocket.ClientEndpointConfig;
import jakarta.websocket.CloseReason;
import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.MessageHandler;
import jakarta.websocket.Session;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.List;
import org.glassfish.tyrus.client.ClientManager;
import org.glassfish.tyrus.ext.extension.deflate.PerMessageDeflateExtension;

class TyrusClient extends Client {
    private final ClientManager manager = ClientManager.createClient();
    private volatile Session session;

    TyrusClient(String url) {
        super(url);
    }

    void dial() throws Exception {
        manager.setDefaultMaxTextMessageBufferSize(1 << 24);
        manager.setDefaultMaxBinaryMessageBufferSize(1 << 24);
        ClientEndpointConfig config = ClientEndpointConfig.Builder.create().preferredSubprotocols(OFFERED)
            .extensions(List.of(new PerMessageDeflateExtension())).build();
        manager.connectToServer(new Endpoint() {
            public void onOpen(Session s, EndpointConfig c) {
                session = s;
                s.addMessageHandler(String.class, (MessageHandler.Whole<String>) TyrusClient.this::heard);
                s.addMessageHandler(ByteBuffer.class, (MessageHandler.Whole<ByteBuffer>) b -> {
                    byte[] all = new byte[b.remaining()];
                    b.get(all);
                    heard(all);
                });
                opened(s.getNegotiatedSubprotocol());
            }

            public void onClose(Session s, CloseReason reason) {
                closed(reason.getCloseCode().getCode(), reason.getReasonPhrase());
            }

            public void onError(Session s, Throwable t) {
            }
        }, config, URI.create(url));
    }

    void send(String text) throws Exception {
        session.getBasicRemote().sendText(text);
    }

    void send(byte[] bytes) throws Exception {
        session.getBasicRemote().sendBinary(ByteBuffer.wrap(bytes));
    }

    void sendFragments() throws Exception {
        for (int i = 0; i < PARTS.length; i++) {
            session.getBasicRemote().sendText(PARTS[i], i == PARTS.length - 1);
        }
    }

    void close(int code, String reason) throws Exception {
        session.close(new CloseReason(() -> code, reason));
    }
}
