package com.example.samples;

import java.io.IOException;
import javax.servlet.http.HttpSession;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketSession;

/** Business code that reaches the sockets from outside. */
@RestController
public class PushController {
    private final Users users;

    public PushController(Users users) {
        this.users = users;
    }

    @PostMapping("/push")
    String push(@RequestParam String sid, @RequestParam String text) throws IOException {
        ChatEndpoint.sendInfo(text, sid);
        return "ok";
    }

    @GetMapping("/online")
    int online() {
        return ChatEndpoint.online();
    }

    @PostMapping("/echo/tell")
    int echo(@RequestParam String name, @RequestParam String text) {
        return EchoEndpoint.tell(name, text);
    }

    @PostMapping("/tell")
    String tell(@RequestParam String user, @RequestParam String text) throws IOException {
        WebSocketSession session = users.byName.get(user);
        if (session == null || !session.isOpen()) {
            return "away";
        }
        session.sendMessage(new TextMessage(text));
        return "sent";
    }

    @PostMapping("/cart")
    String cart(@RequestParam String item, HttpSession session) {
        session.setAttribute("cart", item);
        return "ok";
    }
}
