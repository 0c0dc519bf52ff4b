package com.example.chat;

import javax.servlet.http.HttpSession;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The HTTP session is Tomcat's own, in this JVM. */
@RestController
public class LoginController {

    @PostMapping("/login")
    void login(@RequestParam String user, HttpSession session) {
        session.setAttribute("user", user);
    }

    @PostMapping("/logout")
    void logout(HttpSession session) {
        session.invalidate();
    }
}
