package io.wsidecar.servlet;

import io.wsidecar.core.Unkept;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What wsidecar has to be told of this application: its wsidecar.yaml, and what of the application it cannot keep. */
public final class Routes {
    private static final String ORIGINS = "origins";
    private static final Pattern VARIABLE = Pattern.compile("\\{([^}:*]+)(:[^}]*)?\\}");
    /** The most that an event's body may have. */
    public static final int LARGEST_LIMIT = EventFilter.LARGEST_BODY;
    /** wsidecar's own limits.message. */
    private static final int ORDINARY_LIMIT = 128 << 10;
    private static final String LIMITS = "limits";
    private final Map<String, Map<String, String>> routes = new LinkedHashMap<>();
    private final Set<String> remarks = new LinkedHashSet<>();
    private final List<Predicate<String>> endpoints = new ArrayList<>();

    /** @param more lines of the route as YAML flow values, in their order */
    public synchronized void add(String path, Map<String, String> more) {
        Map<String, String> route = routes.computeIfAbsent(path, p -> new LinkedHashMap<>());
        String origins = either(route.get(ORIGINS), more.get(ORIGINS));
        route.putAll(more);
        if (origins != null) {
            route.put(ORIGINS, origins);
        }
    }

    /** Two endpoints of one path: wsidecar lets pass what either does, and each endpoint's own interceptor decides. */
    private static String either(String a, String b) {
        if (a == null || b == null || a.equals(b)) {
            return a == null ? b : a;
        }
        return a.startsWith("[") && b.startsWith("[") ? a.substring(0, a.length() - 1) + ", " + b.substring(1) : "\"*\"";
    }

    /** What the classes of a handler cannot have as it was. @param limit of messages, that is said elsewhere; 0: none */
    public synchronized void unkept(Class<?> handler, int limit, Map<String, String> route) {
        Unkept found = Unkept.of(handler);
        remarks.addAll(found.remarks);
        int largest = Math.min(Math.max(limit, found.limit()), LARGEST_LIMIT);
        if (largest > 0) {
            route.put(LIMITS, "{message: " + largest + "}");
        }
    }

    /** What the server's own container was told of sessions. @param largest message, for handlers that say nothing of their own @param idle milliseconds; 0: not set */
    synchronized void container(int largest, long idle) {
        for (Map<String, String> route : routes.values()) {
            if (largest > ORDINARY_LIMIT && !route.containsKey(LIMITS) && !"stomp".equals(route.get("protocol"))) {
                route.put(LIMITS, "{message: " + Math.min(largest, LARGEST_LIMIT) + "}");
            }
        }
        if (idle > 0 && !routes.isEmpty()) {
            remark("the container's idle timeout for sessions (setMaxSessionIdleTimeout, " + idle + " ms) has no effect: connections stay open for as long as "
                + "their clients answer wsidecar's pings (`ping`)");
        }
    }

    /** What stands beside the routes cannot be kept, and what to do. */
    public synchronized void remark(String words) {
        remarks.add(words);
    }

    public synchronized Collection<String> remarks() {
        return new ArrayList<>(remarks);
    }

    /** Paths of endpoint classes: the container would take their handshakes itself. */
    public void endpoint(Predicate<String> path) {
        endpoints.add(path);
    }

    boolean isEndpoint(String path) {
        return endpoints.stream().anyMatch(e -> e.test(path));
    }

    /** A pattern of Spring as one of wsidecar. */
    public static String pattern(String spring) {
        Matcher m = VARIABLE.matcher(spring);
        StringBuffer named = new StringBuffer();
        while (m.find()) {
            m.appendReplacement(named, Matcher.quoteReplacement("{" + m.group(1) + "}"));
        }
        m.appendTail(named);
        String[] segments = named.toString().split("/", -1);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < segments.length; i++) {
            String s = segments[i];
            boolean last = i == segments.length - 1;
            out.append(i == 0 ? "" : "/");
            out.append(s.equals("**") || s.startsWith("{*") ? last ? "{rest...}" : "{p" + i + "}" : s.contains("*") || s.contains("?") ? "{p" + i + "}" : s);
        }
        return out.toString();
    }

    public static String quoted(String s) {
        return s.matches("[A-Za-z0-9/_.-]+") ? s : "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    public static String list(Collection<String> values) {
        StringBuilder out = new StringBuilder("[");
        for (String v : values) {
            out.append(out.length() == 1 ? "" : ", ").append(quoted(v));
        }
        return out.append(']').toString();
    }

    public synchronized String yaml(String timeout) {
        StringBuilder out = new StringBuilder("app:\n  signing_secret: [\"<the value of wsidecar.signing-secret>\"]\n  timeout: ");
        out.append(timeout).append("\nroutes:\n");
        routes.forEach((path, more) -> {
            out.append("  - path: ").append(quoted(path)).append('\n');
            more.forEach((name, value) -> out.append("    ").append(name).append(": ").append(value).append('\n'));
        });
        return routes.isEmpty() ? out.append("  []\n").toString() : out.toString();
    }
}
