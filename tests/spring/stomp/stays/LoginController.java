package com.example.desk;

import javax.servlet.http.HttpSession;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The HTTP session is Tomcat's own, in this JVM. */
@RestController
public class LoginController {

    @PostMapping("/login")
    void login(@RequestParam long id, @RequestParam String name, HttpSession session) {
        session.setAttribute("WEBSOKET_LOGINBEAN", new LoginBean(id, name));
    }
}
