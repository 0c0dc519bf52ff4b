package com.example.everything;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.messaging.simp.user.SimpUserRegistry;
import org.springframework.http.HttpMethod;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Lazy;

/** What happened here that no client sees. */
@RestController
public class Log {
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final RedisTemplate<Object, Object> redis;
    @Autowired @Lazy private SimpUserRegistry users;

    public Log(RedisTemplate<Object, Object> redis) {
        this.redis = redis;
    }

    public void add(String line) {
        lines.add(line);
    }

    @GetMapping("/log")
    List<String> lines() {
        return lines;
    }

    /** With a session that was saved by whichever replica. */
    @PostMapping("/saved")
    String send(@RequestParam String name, @RequestParam String text) throws Exception {
        WebSocketSession session = (WebSocketSession) redis.opsForValue().get("saved:" + name);
        try {
            session.sendMessage(new TextMessage(text));
            return "sent " + session.isOpen() + " " + session.getUri().getPath() + " " + session.getAttributes().get("who");
        } catch (IllegalStateException e) {
            return "closed " + session.isOpen();
        }
    }

    /** The other way: what a handler does, as a controller. */
    @PostMapping("/plain")
    String plain(@RequestBody String text) {
        return text;
    }

    /** Events of a path where no handler is. */
    @RequestMapping("/taken")
    String taken(@RequestHeader("ce-type") String type, @RequestBody String text, HttpMethod method) {
        return type + " " + method + " " + text;
    }

    private volatile WebSocketSession held;

    void hold(WebSocketSession session) {
        held = session;
    }

    /** From outside of any event. */
    @PostMapping("/held")
    String send(@RequestParam String text) {
        try {
            held.sendMessage(new TextMessage(text));
            return "sent";
        } catch (Exception e) {
            return e.getClass().getName();
        }
    }

    @GetMapping("/users-in-words")
    String usersInWords(@RequestParam String name) {
        return String.valueOf(users.getUser(name));
    }

    @GetMapping("/users")
    String users(@RequestParam String name) {
        var user = users.getUser(name);  // who may go meanwhile
        return user == null ? "none" : user.getSessions().size() + " "
            + users.findSubscriptions(s -> s.getSession().getUser().getName().equals(name)).stream().map(s -> s.getDestination()).sorted()
                .collect(java.util.stream.Collectors.toList());
    }
}
