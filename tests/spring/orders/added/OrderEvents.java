package com.example.orders;

import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class OrderEvents {

    @PostMapping("/ws/orders/{user}")
    ResponseEntity<Void> on(@PathVariable String user) {
        return ResponseEntity.noContent().header("Ws-User", user).build();
    }
}
