package com.example.trade;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.springframework.context.event.EventListener;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.broker.BrokerAvailabilityEvent;
import org.springframework.messaging.simp.user.SimpUser;
import org.springframework.messaging.simp.user.SimpUserRegistry;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class TradeController {
    private final SimpMessagingTemplate template;
    private final SimpUserRegistry users;
    private final List<Boolean> broker = Collections.synchronizedList(new ArrayList<>());

    public TradeController(SimpMessagingTemplate template, SimpUserRegistry users) {
        this.template = template;
        this.users = users;
    }

    @PostMapping("/prices")
    void price(@RequestParam String share, @RequestParam int price) {
        template.convertAndSend("/topic/prices", new Trade("", share, price));
    }

    @PostMapping("/fills")
    void filled(@RequestParam String trader, @RequestParam String share, @RequestParam int price) {
        template.convertAndSendToUser(trader, "/queue/fills", new Trade(trader, share, price));
    }

    @GetMapping("/traders")
    List<String> traders() {
        return users.getUsers().stream().map(SimpUser::getName).sorted().collect(Collectors.toList());
    }

    @EventListener
    void broker(BrokerAvailabilityEvent event) {
        broker.add(event.isBrokerAvailable());
    }

    @GetMapping("/broker")
    List<Boolean> broker() {
        return broker;
    }
}
