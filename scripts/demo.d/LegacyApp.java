import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A restaurant's app as many are: a thread pool, blocking calls, one Redis connection, no framework. It holds no WebSocket:
 * the sidecar beside it does, and POSTs what clients send. Any replica can push to any client with one Redis command.
 */
public class LegacyApp {
    private static final Pattern TABLE = Pattern.compile("^/ws/table/(\\w+)$");
    private static final Pattern NAME = Pattern.compile("(?:^|&)name=([^&]*)");
    private static final Map<String, String> TYPES =
            Map.of("html", "text/html; charset=utf-8", "css", "text/css", "js", "text/javascript");

    private final String pod;
    private final String pods;
    private final Path pages;
    private final Redis redis;

    /** Arguments: port, Redis port, this pod's name, the pages' folder, the pods as JSON (for the page). */
    public static void main(String[] args) throws IOException {
        // Without it the JDK's server leaves Nagle's algorithm on, and each answer with a body waits 40 ms.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        LegacyApp app = new LegacyApp(new Redis(Integer.parseInt(args[1])), args[2], Path.of(args[3]), args[4]);
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0])), 256);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.createContext("/", app::page);
        server.createContext("/ws/", app::event);
        server.start();
    }

    LegacyApp(Redis redis, String pod, Path pages, String pods) {
        this.redis = redis;
        this.pod = pod;
        this.pages = pages;
        this.pods = pods;
    }

    // ---------------------------------------------------------------- what a WebSocket endpoint was before

    private void event(HttpExchange request) throws IOException {
        try {
            String type = header(request, "ce-type");
            String message = body(request);
            Matcher table = TABLE.matcher(request.getRequestURI().getPath());
            if (type == null || !table.matches()) {
                answer(request, 404, null, "");
            } else if (type.equals("wsidecar.connect")) {
                onOpen(request, "table-" + table.group(1));
            } else if (type.equals("wsidecar.message")) {
                onMessage(decode(header(request, "ce-userid")), "table-" + table.group(1), message);
                answer(request, 204, null, "");
            } else {
                answer(request, 204, null, "");
            }
        } catch (IllegalArgumentException bad) {
            answer(request, 400, "text/plain", bad.getMessage()); // rejected: logged and counted, the connection stays
        } catch (IOException noRedis) {
            answer(request, 503, "text/plain", noRedis.getMessage()); // the sidecar keeps the event and sends it again
        } finally {
            request.close();
        }
    }

    /** Says who this is and where they sit; the body is the client's first message. */
    private void onOpen(HttpExchange request, String table) throws IOException {
        Matcher name = NAME.matcher(String.valueOf(request.getRequestURI().getRawQuery()));
        if (!name.find()) {
            answer(request, 403, "text/plain", "who are you?");
            return;
        }
        request.getResponseHeaders().add("Ws-User", encode(decode(name.group(1))));
        request.getResponseHeaders().add("Ws-Join", table);
        answer(request, 200, "application/json",
                "{\"type\":\"welcome\",\"app\":\"" + pod + "\",\"connections\":" + header(request, "ws-user-connections") + "}");
    }

    /** One Redis command each; which pod holds the connections is not this app's business any more. */
    private void onMessage(String user, String table, String json) throws IOException {
        if (!json.startsWith("{\"")) {
            throw new IllegalArgumentException("not a JSON object with members");
        }
        String message = "{\"from\":" + quote(user) + ",\"table\":\"" + table + "\",\"app\":\"" + pod + "\"," + json.substring(1);
        switch (field(json, "type")) {
            // By the list: who is between two connections has it when he is back.
            case "order" -> redis.command("RPUSH", "wsidecar:outbox",
                    "{\"to\":{\"group\":\"" + table + "\"},\"json\":" + message + "}");
            case "announce" -> redis.command("PUBLISH", "wsidecar:all", message);
            case "call" -> redis.command("RPUSH", "wsidecar:outbox",
                    "{\"to\":{\"user\":" + quote(field(json, "to")) + "},\"json\":" + message + "}");
            default -> { }
        }
    }

    // ------------------------------------------------------------------------------------------ its pages

    private void page(HttpExchange request) throws IOException {
        try (request) {
            String path = request.getRequestURI().getPath();
            if (path.equals("/pods.json")) {
                answer(request, 200, "application/json", pods);
                return;
            }
            Path file = pages.resolve(path.equals("/") ? "index.html" : path.substring(1)).normalize();
            String type = TYPES.get(path.equals("/") ? "html" : path.replaceAll(".*\\.", ""));
            if (type == null || !file.startsWith(pages) || !Files.isRegularFile(file)) {
                answer(request, 404, "text/plain", "no such page");
            } else {
                answer(request, 200, type, Files.readString(file));
            }
        }
    }

    private static void answer(HttpExchange request, int status, String type, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        if (type != null) {
            request.getResponseHeaders().set("Content-Type", type);
        }
        request.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            request.getResponseBody().write(bytes);
        }
    }

    private static String header(HttpExchange request, String name) {
        return request.getRequestHeaders().getFirst(name);
    }

    private static String body(HttpExchange request) throws IOException {
        return new String(request.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static String decode(String s) {
        return URLDecoder.decode(s, StandardCharsets.UTF_8);
    }

    private static String encode(String s) {
        return URLEncoder.encode(s, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** A string member of a flat JSON object; enough for what this page sends. */
    private static String field(String json, String name) {
        Matcher m = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return m.find() ? m.group(1) : "";
    }

    private static String quote(String s) {
        return "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    /** A blocking Redis client (RESP): one connection, opened again when it has gone. */
    static class Redis {
        private final int port;
        private Socket socket;
        private InputStream in;

        Redis(int port) {
            this.port = port;
        }

        synchronized String command(String... words) throws IOException {
            try {
                return send(words);
            } catch (IOException gone) {
                close();
                return send(words);
            }
        }

        private void close() throws IOException {
            if (socket != null) {
                socket.close();
                socket = null;
            }
        }

        private String send(String... words) throws IOException {
            if (socket == null) {
                socket = new Socket(InetAddress.getLoopbackAddress(), port);
                socket.setTcpNoDelay(true);
                in = new BufferedInputStream(socket.getInputStream());
            }
            StringBuilder out = new StringBuilder("*" + words.length + "\r\n");
            for (String word : words) {
                out.append('$').append(word.getBytes(StandardCharsets.UTF_8).length).append("\r\n").append(word).append("\r\n");
            }
            OutputStream to = socket.getOutputStream();
            to.write(out.toString().getBytes(StandardCharsets.UTF_8));
            StringBuilder reply = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new IOException("Redis closed the connection");
                }
                reply.append((char) c);
            }
            if (reply.charAt(0) == '-') {
                throw new IOException("Redis says " + reply.toString().trim());
            }
            return reply.toString().trim();
        }
    }
}
