package com.example.orders;

import java.util.List;
import java.util.Map;
import org.springframework.data.redis.connection.stream.StreamRecords;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.data.redis.hash.Jackson2HashMapper;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** One order, written in each way that Spring Data Redis has for streams. */
@RestController
public class OrderController {
    private final StringRedisTemplate strings;
    private final RedisTemplate<Object, Object> jdk;
    private final RedisTemplate<String, Object> json;

    public OrderController(StringRedisTemplate strings, RedisTemplate<Object, Object> redisTemplate, RedisTemplate<String, Object> jsonTemplate) {
        this.strings = strings;
        this.jdk = redisTemplate;
        this.json = jsonTemplate;
    }

    @PostMapping("/orders")
    void add(@RequestParam String to, @RequestParam long id) {
        String text = "{\"userId\":\"" + to + "\",\"id\":" + id + "}";
        Order order = new Order(id, to, new Order.Address("杭州"), List.of(new Order.Item("鱼香肉丝", 28.0), new Order.Item("rice", 2.5)));
        strings.opsForStream().add("orders:map", Map.of("userId", to, "payload", text));
        strings.opsForStream().add(StreamRecords.newRecord().in("orders:simple").ofObject(text));
        strings.opsForStream().add(StreamRecords.newRecord().in("orders:object").ofObject(order));
        jdk.opsForStream().add(StreamRecords.newRecord().in((Object) "orders:jdk").ofObject((Object) order));
        json.opsForStream().add(StreamRecords.newRecord().in("orders:json").ofObject((Object) order));
        json.opsForStream(new Jackson2HashMapper(true)).add(StreamRecords.newRecord().in("orders:jackson").ofObject((Object) order));
    }
}
