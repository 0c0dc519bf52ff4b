package com.example.deleted;

import com.example.desk.Watchers;
import org.springframework.context.ApplicationListener;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.messaging.SessionDisconnectEvent;

@Component
public class SessionDisconnectEventListener implements ApplicationListener<SessionDisconnectEvent> {
    private final Watchers watchers;

    public SessionDisconnectEventListener(Watchers watchers) {
        this.watchers = watchers;
    }

    @Override
    public void onApplicationEvent(SessionDisconnectEvent event) {
        watchers.remove(event.getSessionId());
    }
}
