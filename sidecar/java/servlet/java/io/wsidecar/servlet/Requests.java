package io.wsidecar.servlet;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Event;
import io.wsidecar.core.Named;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import javax.servlet.http.HttpServletRequest;

/** What an event's request says of its connection. */
final class Requests {
    private Requests() {}

    static Connection connection(Event event, HttpServletRequest request) {
        Connection c = new Connection(event.connection, event.instance, uri(event, request));
        for (String name : Collections.list(request.getHeaderNames())) {
            if (!isEventsOwn(name)) {
                List<String> values = new ArrayList<>(Collections.list(request.getHeaders(name)));
                c.headers.put(name, values);
            }
        }
        c.subprotocol = event.subprotocol;
        c.sockJs = event.sockJs;
        c.principal = event.user == null ? null : new Named(event.user);
        String forwarded = request.getHeader("X-Forwarded-For");
        c.remote = forwarded == null ? request.getRemoteAddr() : forwarded.split(",")[0].trim();
        return c;
    }

    /** As Tomcat says it: ws://host/path?query. */
    private static String uri(Event event, HttpServletRequest request) {
        String proto = request.getHeader("X-Forwarded-Proto");
        boolean secure = proto == null ? request.isSecure() : proto.toLowerCase(Locale.ROOT).startsWith("https") || proto.equalsIgnoreCase("wss");
        String host = request.getHeader("Host");
        String query = request.getQueryString();
        return (secure ? "wss://" : "ws://") + (host == null ? "localhost" : host) + (event.subject == null ? request.getRequestURI() : event.subject)
            + (query == null ? "" : "?" + query);
    }

    /** Headers of the event rather than of the client's handshake. */
    static boolean isEventsOwn(String header) {
        String name = header.toLowerCase(Locale.ROOT);
        return name.startsWith("ce-") || name.startsWith("ws-") || name.startsWith("stomp-") || name.startsWith("webhook-")
            || name.equals("idempotency-key") || name.equals("content-type") || name.equals("content-length") || name.equals("traceparent");
    }
}
