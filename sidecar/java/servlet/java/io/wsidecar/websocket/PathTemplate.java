package io.wsidecar.websocket;

import io.wsidecar.core.Percent;
import java.util.LinkedHashMap;
import java.util.Map;

/** A path of an endpoint: segments, of which some are variables. */
final class PathTemplate {
    private final String[] segments;

    PathTemplate(String path) {
        segments = path.split("/", -1);
    }

    /** Null: the path is another. */
    Map<String, String> match(String path) {
        String[] given = path.split("/", -1);
        if (given.length != segments.length) {
            return null;
        }
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < given.length; i++) {
            String s = segments[i];
            String value = Percent.decode(given[i]);
            if (s.startsWith("{") && s.endsWith("}")) {
                if (value.isEmpty()) {
                    return null;
                }
                variables.put(s.substring(1, s.length() - 1), value);
            } else if (!s.equals(value)) {
                return null;
            }
        }
        return variables;
    }

    /** Of two that match the one with a literal where the other has a variable is meant. */
    boolean closerThan(PathTemplate other) {
        for (int i = 0; i < Math.min(segments.length, other.segments.length); i++) {
            boolean mine = segments[i].startsWith("{");
            boolean its = other.segments[i].startsWith("{");
            if (mine != its) {
                return its;
            }
        }
        return false;
    }
}
