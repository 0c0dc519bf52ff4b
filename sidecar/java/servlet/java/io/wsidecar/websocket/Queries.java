package io.wsidecar.websocket;

import io.wsidecar.core.Percent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Queries {
    private Queries() {}

    static Map<String, List<String>> parse(String query) {
        Map<String, List<String>> all = new LinkedHashMap<>();
        if (query != null && !query.isEmpty()) {
            for (String pair : query.split("&")) {
                int equals = pair.indexOf('=');
                String name = equals < 0 ? pair : pair.substring(0, equals);
                String value = equals < 0 ? "" : pair.substring(equals + 1);
                all.computeIfAbsent(decode(name), n -> new ArrayList<>()).add(decode(value));
            }
        }
        return all;
    }

    private static String decode(String s) {
        return Percent.decode(s.replace('+', ' '));
    }
}
