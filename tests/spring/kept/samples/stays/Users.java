package com.example.samples;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.WebSocketSession;

@Component
public class Users {
    final Map<String, WebSocketSession> byName = new ConcurrentHashMap<>();

    String suffix() {
        return ".";
    }
}
