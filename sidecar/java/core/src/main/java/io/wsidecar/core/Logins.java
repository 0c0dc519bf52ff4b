package io.wsidecar.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/**
 * Which connections were opened under the login of which HTTP session: they are closed when it ends, as the WebSocket API's specification says (7.2) and
 * servers do. Kept in Redis, so that an HTTP session may end on any replica, and after a restart.
 */
public final class Logins {
    private static final int POLICY = 1008;
    private static final String REASON = "This connection was established under an authenticated HTTP session that has ended.";  // Tomcat's words
    private static final long SECONDS = 30 * 24 * 3600L;
    private final Sidecar sidecar;
    private volatile boolean stopped;

    public Logins(Sidecar sidecar) {
        this.sidecar = sidecar;
    }

    public void opened(String httpSession, Connection c) {
        try {
            sidecar.redis().sadd(key(httpSession), bytes(c.id));
            sidecar.redis().expire(key(httpSession), SECONDS);
        } catch (IOException e) {
            Log.warn("connection " + c.id + " will not be closed when its HTTP session ends: " + e.getMessage());
        }
    }

    public void closed(String httpSession, String connection) {
        try {
            sidecar.redis().srem(key(httpSession), bytes(connection));
        } catch (IOException e) {
            // It is asked to close when the HTTP session ends, and is not there.
        }
    }

    /** A logout, or the HTTP session was not used for too long. */
    public void ended(String httpSession) {
        ended(httpSession, REASON);
    }

    public void ended(String httpSession, String reason) {
        if (stopped) {
            return;
        }
        try {
            for (byte[] id : sidecar.redis().smembers(key(httpSession))) {
                sidecar.push(new Envelope().connection(new String(id, StandardCharsets.UTF_8)).close(POLICY, reason));
                sidecar.redis().srem(key(httpSession), id);
            }
        } catch (IOException e) {
            Log.warn("connections of an HTTP session that has ended stay open: " + e.getMessage());
        }
    }

    /** The application ends, and with it its HTTP sessions: nobody has logged out. */
    public void stop() {
        stopped = true;
    }

    /** Whoever reads Redis learns nobody's cookie. */
    private byte[] key(String httpSession) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes(httpSession));
            return sidecar.key("java:login:" + Base64.getUrlEncoder().withoutPadding().encodeToString(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }
}
