package com.example.added;

import com.example.desk.Line;
import com.example.desk.Rooms;
import java.security.Principal;
import java.util.List;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class ChatController {
    private final Rooms rooms;

    public ChatController(Rooms rooms) {
        this.rooms = rooms;
    }

    @PostMapping("/app/chat/{room}")
    Line say(@PathVariable String room, @RequestBody Line line, Principal who) {
        return rooms.said(room, new Line(who.getName(), line.text()));
    }

    @PostMapping("/app/rooms/{room}/questions")
    @SendTo("/topic/desk/{room}")
    Line ask(@RequestBody Line question, Principal who) {
        if (question.text().isEmpty()) {
            throw new IllegalArgumentException("a question has words");
        }
        return new Line(who.getName(), question.text());
    }

    @PostMapping("/app/chat/{room}/last")
    @SendToUser(destinations = "/queue/answers", broadcast = false)
    Line last(@PathVariable String room) {
        return rooms.last(room);
    }

    @PostMapping("/app/notes")
    @SendToUser("/queue/notes")
    String note(@RequestBody Line line) {
        return "noted: " + line.text();
    }

    @PostMapping(path = "/app/rooms", headers = "ce-type=wsidecar.subscribe")
    List<String> rooms() {
        return rooms.names();
    }

    @ExceptionHandler
    @SendToUser(destinations = "/queue/errors", broadcast = false)
    String refused(IllegalArgumentException e) {
        return e.getMessage();
    }
}
