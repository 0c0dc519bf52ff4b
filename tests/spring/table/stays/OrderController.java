package com.example.table;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class OrderController {
    private final Map<String, OrderFoodWebSocketService> services;
    private final ObjectMapper mapper;

    public OrderController(Map<String, OrderFoodWebSocketService> services, ObjectMapper mapper) {
        this.services = services;
        this.mapper = mapper;
    }

    @GetMapping("/wsapp/menu")
    String menu() {
        return "noodles";
    }

    @PostMapping("/orders")
    void order(@RequestParam String serializer, @RequestParam String tableId, @RequestParam String from, @RequestParam String dish)
            throws JsonProcessingException {
        OrderMessage order = new OrderMessage(tableId, from, dish, 2, new BigDecimal("12.50"), new ArrayList<>(List.of("hot")));
        services.get(serializer).sendMessage(serializer.equals("string") ? mapper.writeValueAsString(order) : order);
    }

    @PostMapping("/hello")
    void hello(@RequestParam String serializer) {
        services.get(serializer).sendMessage("hello");
    }
}
