package com.example.notice;

import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.time.Instant;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.SessionAttribute;
import org.springframework.web.util.UriUtils;

@RestController
public class NoticeEvents {
    private final Users users;
    private final RedisTemplate<String, String> redisTemplate;

    public NoticeEvents(Users users, RedisTemplate<String, String> redisTemplate) {
        this.users = users;
        this.redisTemplate = redisTemplate;
    }

    @PostMapping(path = "/ws-events/notices", headers = "ce-type=wsidecar.connect")
    ResponseEntity<Void> connected(Principal login, @SessionAttribute(required = false) String department) {
        if (login == null) {
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        return ResponseEntity.noContent()
            .header("Ws-User", UriUtils.encode(login.getName(), StandardCharsets.UTF_8))
            .header("Ws-Alias", "userId=" + users.idOf(login.getName()))
            .header("Ws-Join", "department-" + department).build();
    }

    @PostMapping(path = "/ws-events/notices", headers = "ce-type=wsidecar.message")
    ResponseEntity<Void> choose(@RequestBody String department, HttpServletRequest request) {
        HttpSession session = request.getSession(false);  // none: the login has ended
        if (session == null) {
            return ResponseEntity.status(HttpStatus.UNAUTHORIZED).build();
        }
        session.setAttribute("department", department);
        return ResponseEntity.noContent().header("Ws-Join", "department-" + department).build();
    }

    @PostMapping(path = "/ws-events/notices", headers = "ce-type=wsidecar.disconnect")
    void gone(Principal login, @RequestHeader("ce-id") String id) {
        redisTemplate.opsForHash().put("last-seen:" + login.getName(), id, Instant.now().toString());
    }
}
