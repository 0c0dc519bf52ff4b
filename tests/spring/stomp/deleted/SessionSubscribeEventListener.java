package com.example.deleted;

import com.example.desk.LoginBean;
import com.example.desk.Watchers;
import org.springframework.context.ApplicationListener;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.stereotype.Component;
import org.springframework.web.socket.messaging.SessionSubscribeEvent;

@Component
public class SessionSubscribeEventListener implements ApplicationListener<SessionSubscribeEvent> {
    private final Watchers watchers;

    public SessionSubscribeEventListener(Watchers watchers) {
        this.watchers = watchers;
    }

    @Override
    public void onApplicationEvent(SessionSubscribeEvent event) {
        SimpMessageHeaderAccessor headers = SimpMessageHeaderAccessor.wrap(event.getMessage());
        LoginBean loginBean = (LoginBean) headers.getSessionAttributes().get("WEBSOKET_LOGINBEAN");
        watchers.add(headers.getSessionId(), headers.getDestination(), loginBean);
    }
}
