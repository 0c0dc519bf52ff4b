package com.example.notice;

import javax.servlet.http.HttpSession;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.SessionAttribute;

@RestController
public class NoticeController {
    private final NoticeService notices;

    public NoticeController(NoticeService notices) {
        this.notices = notices;
    }

    @PostMapping("/notices")
    void send(@RequestParam Long userId, @RequestParam String title, @RequestParam String content) {
        notices.sendNotification(new UserNotice(userId, title, content, 1));
    }

    @PostMapping("/department")
    void choose(@RequestParam String name, HttpSession session) {
        session.setAttribute("department", name);
    }

    @GetMapping("/department")
    String chosen(@SessionAttribute String department) {
        return department;
    }

    @GetMapping("/csrf")
    String token(CsrfToken token) {
        return token.getToken();
    }
}
