package com.example.added;

import com.example.desk.LoginBean;
import com.example.desk.Watchers;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.SessionAttribute;
import org.springframework.web.util.UriUtils;

@RestController
public class StompEvents {
    private final Watchers watchers;
    private final ObjectMapper mapper;

    public StompEvents(Watchers watchers, ObjectMapper mapper) {
        this.watchers = watchers;
        this.mapper = mapper;
    }

    @PostMapping("/stomp-events/connect")
    ResponseEntity<Void> connected(@SessionAttribute(name = "WEBSOKET_LOGINBEAN", required = false) LoginBean loginBean)
            throws JsonProcessingException {
        if (loginBean == null) {
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        return ResponseEntity.noContent()
            .header("Ws-User", UriUtils.encode(loginBean.name(), StandardCharsets.UTF_8))
            .header("Ws-State", UriUtils.encode(mapper.writeValueAsString(loginBean), StandardCharsets.UTF_8)).build();
    }

    @PostMapping("/stomp-events/subscribe")
    void subscribed(@RequestHeader("ce-connectionid") String session, @RequestHeader("ws-destination") String destination,
            @RequestHeader("ws-state") String state) throws JsonProcessingException {
        LoginBean loginBean = mapper.readValue(UriUtils.decode(state, StandardCharsets.UTF_8), LoginBean.class);
        watchers.add(session, UriUtils.decode(destination, StandardCharsets.UTF_8), loginBean);
    }

    @PostMapping("/stomp-events/disconnect")
    void disconnected(@RequestHeader("ce-connectionid") String session) {
        watchers.remove(session);
    }
}
