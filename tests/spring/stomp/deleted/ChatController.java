package com.example.deleted;

import com.example.desk.Line;
import com.example.desk.Rooms;
import java.security.Principal;
import java.util.List;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.MessageExceptionHandler;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.messaging.simp.annotation.SubscribeMapping;
import org.springframework.stereotype.Controller;

@Controller
public class ChatController {
    private final Rooms rooms;

    public ChatController(Rooms rooms) {
        this.rooms = rooms;
    }

    @MessageMapping("/chat/{room}")
    Line say(@DestinationVariable String room, @Payload Line line, Principal who) {
        return rooms.said(room, new Line(who.getName(), line.text()));
    }

    @MessageMapping("/rooms/{room}/questions")
    @SendTo("/topic/desk/{room}")
    Line ask(@Payload Line question, Principal who) {
        if (question.text().isEmpty()) {
            throw new IllegalArgumentException("a question has words");
        }
        return new Line(who.getName(), question.text());
    }

    @MessageMapping("/chat/{room}/last")
    @SendToUser(destinations = "/queue/answers", broadcast = false)
    Line last(@DestinationVariable String room) {
        return rooms.last(room);
    }

    @MessageMapping("/notes")
    @SendToUser("/queue/notes")
    String note(@Payload Line line) {
        return "noted: " + line.text();
    }

    @SubscribeMapping("/rooms")
    List<String> rooms() {
        return rooms.names();
    }

    @MessageExceptionHandler
    @SendToUser(destinations = "/queue/errors", broadcast = false)
    String refused(IllegalArgumentException e) {
        return e.getMessage();
    }
}
