import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;

class OkHttpClientOne extends Client {
    private final OkHttpClient http = new OkHttpClient();
    private volatile WebSocket socket;

    OkHttpClientOne(String url) {
        super(url);
    }

    void dial() {
        Request r = new Request.Builder().url(url).header("Sec-WebSocket-Protocol", String.join(", ", OFFERED)).build();
        http.newWebSocket(r, new WebSocketListener() {
            public void onOpen(WebSocket s, Response response) {
                socket = s;
                opened(response.header("Sec-WebSocket-Protocol"));
            }

            public void onMessage(WebSocket s, String text) {
                heard(text);
            }

            public void onMessage(WebSocket s, ByteString bytes) {
                heard(bytes.toByteArray());
            }

            public void onClosing(WebSocket s, int code, String reason) {
                s.close(code == 1005 ? 1000 : code, reason);
                closed(code, reason);
            }

            public void onFailure(WebSocket s, Throwable t, Response response) {
                again();
            }
        });
    }

    void send(String text) {
        socket.send(text);
    }

    void send(byte[] bytes) {
        socket.send(ByteString.of(bytes));
    }

    void close(int code, String reason) {
        socket.close(code, reason);
    }
}
