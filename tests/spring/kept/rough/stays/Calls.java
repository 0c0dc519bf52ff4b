package com.example.rough;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.socket.WebSocketSession;

/** What was called, for tests to read. */
@RestController
public class Calls {
    private static final List<String> LINES = new CopyOnWriteArrayList<>();

    /** @param query its first part is the client's name */
    static void add(String query, String what) {
        LINES.add(query.split("&")[0] + " " + what);
    }

    static void add(WebSocketSession session, String what) {
        add(session.getUri().getQuery(), what);
    }

    @GetMapping("/calls")
    List<String> of(@RequestParam("name") String name) {
        return LINES.stream().filter(line -> line.startsWith(name + " ")).collect(Collectors.toList());
    }
}
