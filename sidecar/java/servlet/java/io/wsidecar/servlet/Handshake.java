package io.wsidecar.servlet;

import io.wsidecar.core.Event;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.servlet.ReadListener;
import javax.servlet.ServletInputStream;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletRequestWrapper;

/**
 * A connect event as what the client sent: the GET of its handshake. The application's filters, interceptors and handshake handlers see
 * what they always saw.
 */
final class Handshake extends HttpServletRequestWrapper {
    /** Names nobody: the key was answered by wsidecar. */
    private static final String KEY = "d3NpZGVjYXItaGFuZHNoYQ==";
    private final Map<String, List<String>> added = new LinkedHashMap<>();

    Handshake(HttpServletRequest request, Event event, boolean upgrade) {
        super(request);
        if (upgrade) {
            added.put("upgrade", Collections.singletonList("websocket"));
            added.put("connection", Collections.singletonList("Upgrade"));
            added.put("sec-websocket-version", Collections.singletonList("13"));
            added.put("sec-websocket-key", Collections.singletonList(KEY));
        }
        if (event.subprotocols != null) {
            added.put("sec-websocket-protocol", Collections.singletonList(event.subprotocols));
        }
    }

    private static boolean hidden(String name) {
        return name.equals("content-length") || name.equals("content-type") || name.equals("transfer-encoding") || Requests.isEventsOwn(name);
    }

    @Override
    public String getMethod() {
        return "GET";
    }

    @Override
    public String getHeader(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        List<String> own = added.get(lower);
        return own != null ? own.get(0) : hidden(lower) ? null : super.getHeader(name);
    }

    @Override
    public Enumeration<String> getHeaders(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        List<String> own = added.get(lower);
        return own != null ? Collections.enumeration(own) : hidden(lower) ? Collections.emptyEnumeration() : super.getHeaders(name);
    }

    @Override
    public Enumeration<String> getHeaderNames() {
        List<String> names = new ArrayList<>(added.keySet());
        for (String name : Collections.list(super.getHeaderNames())) {
            String lower = name.toLowerCase(Locale.ROOT);
            if (!added.containsKey(lower) && !hidden(lower)) {
                names.add(name);
            }
        }
        return Collections.enumeration(names);
    }

    /** Of whoever connected to wsidecar, which is what it was without wsidecar. A server that looks at X-Forwarded-For by itself has taken it away. */
    @Override
    public String getRemoteAddr() {
        String forwarded = getHeader("X-Forwarded-For");
        String last = forwarded == null ? "" : forwarded.substring(forwarded.lastIndexOf(',') + 1).trim();
        return last.isEmpty() ? super.getRemoteAddr() : last;
    }

    @Override
    public String getRemoteHost() {
        return getRemoteAddr();
    }

    @Override
    public int getIntHeader(String name) {
        String value = getHeader(name);
        return value == null ? -1 : Integer.parseInt(value);
    }

    @Override
    public int getContentLength() {
        return -1;
    }

    @Override
    public long getContentLengthLong() {
        return -1;
    }

    @Override
    public String getContentType() {
        return null;
    }

    @Override
    public ServletInputStream getInputStream() {
        return new Body(new byte[0]);
    }

    /** A body that is in memory. */
    static final class Body extends ServletInputStream {
        private final ByteArrayInputStream in;

        Body(byte[] body) {
            in = new ByteArrayInputStream(body);
        }

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
    }
}
