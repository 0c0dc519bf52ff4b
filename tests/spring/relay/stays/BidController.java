package com.example.trade;

import java.security.Principal;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.MessageExceptionHandler;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.stereotype.Controller;

@Controller
public class BidController {

    @MessageMapping("/bids/{share}")
    @SendTo("/topic/bids.{share}")
    Trade bid(@DestinationVariable String share, @Payload Trade bid, Principal who) {
        if (bid.price() <= 0) {
            throw new IllegalArgumentException("nothing is free");
        }
        return new Trade(who.getName(), share, bid.price());
    }

    @MessageExceptionHandler
    @SendToUser(destinations = "/queue/errors", broadcast = false)
    String refused(IllegalArgumentException e) {
        return e.getMessage();
    }
}
