package com.example.deleted;

import com.example.chat.PublishService;
import java.io.IOException;
import javax.websocket.EndpointConfig;
import javax.websocket.OnClose;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.stereotype.Component;

@Component
@ServerEndpoint(value = "/chat/{room}", configurator = HttpSessionConfigurator.class)
public class ChatEndpoint {
    private static PublishService publishService;

    @Autowired
    public void setPublishService(PublishService service) {
        publishService = service;  // the container makes an endpoint for each connection, without injection
    }

    @OnOpen
    public void onOpen(Session session, EndpointConfig config) throws IOException {
        String user = (String) config.getUserProperties().get("user");
        CacheSessionMap.put(session, user);
        CacheSessionMap.send(session, "welcome " + user + " " + session.getId());
    }

    @OnClose
    public void onClose(Session session) {
        CacheSessionMap.remove(session);
    }

    @OnMessage
    public void onMessage(String text) throws IOException {
        if (text.startsWith("@")) {
            Session one = CacheSessionMap.get(text.substring(1, text.indexOf(' ')));
            if (one != null) {
                CacheSessionMap.send(one, text);
            }
        } else {
            publishService.publish("socket_topic", text);
        }
    }
}
