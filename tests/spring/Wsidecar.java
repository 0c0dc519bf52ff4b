package com.example.wsidecar;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.servlet.Filter;  // Spring Boot 3: jakarta.servlet, here and below
import javax.servlet.FilterChain;
import javax.servlet.ReadListener;
import javax.servlet.ServletException;
import javax.servlet.ServletInputStream;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletRequestWrapper;
import javax.servlet.http.HttpServletResponse;
import org.springframework.data.redis.core.RedisCallback;
import org.springframework.data.redis.core.RedisTemplate;

/**
 * An app's side of wsidecar in one file to copy: pushes, and a filter for events. Neither is needed: a push is one
 * convertAndSend or rightPush, an event one @PostMapping.
 */
public final class Wsidecar {

    private Wsidecar() {}

    /** A push to be filled in: {@code Wsidecar.push(redis).toUser("alice").text("hi").send()}. */
    public static Push push(RedisTemplate<?, ?> redis) {
        return push(redis, "wsidecar:");
    }

    /** For another `prefix` than the default one. */
    public static Push push(RedisTemplate<?, ?> redis, String prefix) {
        return new Push(redis, prefix);
    }

    /**
     * For a service with several {@code shards}: the prefix of the shard of an address, {@code user:alice}. Its outbox
     * saves a hop: {@code Wsidecar.push(redis, Wsidecar.shard("{orders}:", 16, "user:alice")).toUser("alice")}.
     */
    public static String shard(String prefix, int shards, String address) {
        int crc = 0;
        for (byte b : address.getBytes(StandardCharsets.UTF_8)) {
            crc ^= (b & 0xFF) << 8;
            for (int bit = 0; bit < 8; ++bit) {
                crc = ((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF;
            }
        }
        int n = crc % 16384 % shards;
        return n == 0 ? prefix : prefix.replaceFirst("}", String.format(":%02d}", n));
    }

    /** An envelope, one JSON object, with its signature: for who writes envelopes without this builder. */
    public static String sign(String envelope, SecretKeySpec secret) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(secret);
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(envelope.getBytes(StandardCharsets.UTF_8)));
        return envelope.substring(0, envelope.lastIndexOf('}')) + ",\"signature\":\"v1," + signature + "\"}";
    }

    /** One envelope. Whatever serializers the template has, plain JSON goes to Redis. */
    public static final class Push {
        private final RedisTemplate<?, ?> redis;
        private final String prefix;
        private final Map<String, String> members = new LinkedHashMap<>();  // name -> JSON
        private final Map<String, String> to = new LinkedHashMap<>();
        private final Map<String, String> except = new LinkedHashMap<>();
        private String secret;

        private Push(RedisTemplate<?, ?> redis, String prefix) {
            this.redis = redis;
            this.prefix = prefix;
        }

        public Push toUser(String... names) { return target(to, "user", names); }
        public Push toAlias(String... names) { return target(to, "alias", names); }
        public Push toGroup(String... names) { return target(to, "group", names); }
        public Push toConnection(String... ids) { return target(to, "connection", ids); }
        public Push toDestination(String... names) { return target(to, "destination", names); }
        public Push exceptUser(String... names) { return target(except, "user", names); }
        public Push exceptAlias(String... names) { return target(except, "alias", names); }
        public Push exceptGroup(String... names) { return target(except, "group", names); }
        public Push exceptConnection(String... ids) { return target(except, "connection", ids); }

        public Push toAll() {
            to.put("all", "true");
            return this;
        }

        public Push text(String text) { return member("text", quote(text)); }
        /** JSON as Jackson or Gson wrote it. */
        public Push json(String json) { return member("json", json); }
        public Push binary(byte[] bytes) { return member("binary", quote(Base64.getEncoder().encodeToString(bytes))); }
        public Push join(String... groups) { return member("join", array(groups)); }
        public Push leave(String... groups) { return member("leave", array(groups)); }
        public Push close(int code, String reason) { return member("close", "{\"code\":" + code + ",\"reason\":" + quote(reason) + "}"); }
        /** A second push with the same id does not reach a connection again. */
        public Push id(String id) { return member("id", quote(id)); }
        public Push ttl(Duration ttl) { return member("ttl", Long.toString(ttl.toSeconds())).member("time", quote(Instant.now().toString())); }
        /** Only the newest of these waits for a slow connection. */
        public Push collapse(String key) { return member("collapse", quote(key)); }
        /** Kept for a user who is not connected. With send() only. */
        public Push mailbox() { return member("mailbox", "true"); }
        /** The list, under the prefix, that gets what became of it. With send() only. */
        public Push receipt(String key) { return member("receipt", quote(key)); }

        /** With wsidecar's `push.secret_file`: whsec_ and base64, or any other text. */
        public Push signedWith(String secret) {
            this.secret = secret;
            return this;
        }

        /** To the outbox: at least once. Returns the length of the outbox. */
        public Long send() {
            return redis.execute((RedisCallback<Long>) c -> c.listCommands().rPush(bytes(prefix + "outbox"), bytes(envelope())));
        }

        /** Through pub/sub: at most once, without a queue. Returns how many pods got it. */
        public Long publish() {
            return redis.execute((RedisCallback<Long>) c -> c.publish(bytes(prefix + "push"), bytes(envelope())));
        }

        String envelope() {
            Map<String, String> all = new LinkedHashMap<>();
            all.put("to", object(to));
            if (!except.isEmpty()) {
                all.put("except", object(except));
            }
            all.putAll(members);
            try {
                return secret == null ? object(all) : sign(object(all), EventFilter.key(secret));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);  // every JVM has HmacSHA256
            }
        }

        private Push target(Map<String, String> of, String kind, String... names) {
            of.put(kind, array(names));
            return this;
        }

        private Push member(String name, String json) {
            members.put(name, json);
            return this;
        }

        private static String object(Map<String, String> members) {
            return members.entrySet().stream().map(e -> quote(e.getKey()) + ":" + e.getValue()).collect(Collectors.joining(",", "{", "}"));
        }

        private static String array(String... values) {
            return Arrays.stream(values).map(Push::quote).collect(Collectors.joining(",", "[", "]"));
        }

        private static String quote(String s) {
            StringBuilder out = new StringBuilder(s.length() + 2).append('"');
            for (char c : s.toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            return out.append('"').toString();
        }

        private static byte[] bytes(String s) {
            return s.getBytes(StandardCharsets.UTF_8);
        }
    }

    /**
     * Lets through only requests that wsidecar has signed (app.signing_secret; Standard Webhooks), and makes `ce-userid` the
     * request's Principal; a connect event without one keeps the Principal that the session gave. Register it for the paths of
     * events and of `delivered`, and for no others. A signature covers id, time and body; headers are wsidecar's own word.
     */
    public static final class EventFilter implements Filter {
        private static final int LARGEST_BODY = 16 << 20;
        private static final long TOLERANCE_SECONDS = 300;
        private final List<SecretKeySpec> keys;

        /** Secrets as in wsidecar's configuration: whsec_ and base64, or any other text; two while one is being replaced. */
        public EventFilter(String... secrets) {
            keys = Arrays.stream(secrets).map(EventFilter::key).collect(Collectors.toList());
        }

        @Override
        public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain) throws IOException, ServletException {
            HttpServletRequest http = (HttpServletRequest) request;
            byte[] body = http.getInputStream().readNBytes(LARGEST_BODY + 1);
            if (body.length > LARGEST_BODY || !signed(http, body)) {
                HttpServletResponse refusal = (HttpServletResponse) response;
                refusal.setStatus(HttpServletResponse.SC_FORBIDDEN);  // no sendError: Spring Security answers /error with its login page
                refusal.setContentType("text/plain");
                refusal.getWriter().write("not signed by wsidecar");
                return;
            }
            chain.doFilter(new Event(http, body), response);
        }

        private boolean signed(HttpServletRequest request, byte[] body) {
            String id = request.getHeader("webhook-id");
            String time = request.getHeader("webhook-timestamp");
            String signatures = request.getHeader("webhook-signature");
            // The signature covers webhook-id; ce-id has to be the same, or a signed body could be sent as another event.
            String event = request.getHeader("ce-id");
            if (id == null || time == null || signatures == null || !time.matches("[0-9]{1,12}") || (event != null && !event.equals(id))
                    || Math.abs(Instant.now().getEpochSecond() - Long.parseLong(time)) > TOLERANCE_SECONDS) {
                return false;
            }
            byte[] front = (id + "." + time + ".").getBytes(StandardCharsets.UTF_8);
            List<byte[]> given = Stream.of(signatures.split(" ")).filter(s -> s.startsWith("v1,"))
                .map(s -> s.substring(3).getBytes(StandardCharsets.US_ASCII)).collect(Collectors.toList());
            return keys.stream().map(k -> signature(k, front, body)).anyMatch(ours -> given.stream().anyMatch(g -> MessageDigest.isEqual(ours, g)));
        }

        private static byte[] signature(SecretKeySpec key, byte[] front, byte[] body) {
            try {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(key);
                mac.update(front);
                return Base64.getEncoder().encode(mac.doFinal(body));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);  // every JVM has HmacSHA256
            }
        }

        private static SecretKeySpec key(String secret) {
            byte[] bytes = secret.startsWith("whsec_") ? Base64.getDecoder().decode(secret.substring(6)) : secret.getBytes(StandardCharsets.UTF_8);
            return new SecretKeySpec(bytes, "HmacSHA256");
        }

        /** A request whose body has been read once and can be read again. */
        private static final class Event extends HttpServletRequestWrapper {
            private final byte[] body;

            Event(HttpServletRequest request, byte[] body) {
                super(request);
                this.body = body;
            }

            @Override
            public Principal getUserPrincipal() {
                String user = getHeader("ce-userid");  // percent-encoded; a + stands for itself
                if (user == null) {
                    return super.getUserPrincipal();
                }
                String name = URLDecoder.decode(user.replace("+", "%2B"), StandardCharsets.UTF_8);
                return () -> name;
            }

            @Override
            public String getRemoteUser() {
                Principal who = getUserPrincipal();
                return who == null ? null : who.getName();
            }

            @Override
            public BufferedReader getReader() {
                return new BufferedReader(new InputStreamReader(getInputStream(), StandardCharsets.UTF_8));
            }

            @Override
            public ServletInputStream getInputStream() {
                ByteArrayInputStream in = new ByteArrayInputStream(body);
                return new ServletInputStream() {
                    @Override
                    public int read() {
                        return in.read();
                    }

                    @Override
                    public int read(byte[] to, int at, int most) {
                        return in.read(to, at, most);
                    }

                    @Override
                    public boolean isFinished() {
                        return in.available() == 0;
                    }

                    @Override
                    public boolean isReady() {
                        return true;
                    }

                    @Override
                    public void setReadListener(ReadListener listener) {
                        throw new UnsupportedOperationException("the body is already here");
                    }
                };
            }
        }
    }
}
