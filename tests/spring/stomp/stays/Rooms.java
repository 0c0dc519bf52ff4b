package com.example.desk;

import java.util.List;
import java.util.stream.Collectors;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Service;

/** What was said last in each room. */
@Service
public class Rooms {
    private final StringRedisTemplate redisTemplate;

    public Rooms(StringRedisTemplate redisTemplate) {
        this.redisTemplate = redisTemplate;
    }

    public Line said(String room, Line line) {
        redisTemplate.opsForHash().put("rooms", room, line.author() + "|" + line.text());
        return line;
    }

    public Line last(String room) {
        String[] parts = ((String) redisTemplate.opsForHash().get("rooms", room)).split("\\|", 2);
        return new Line(parts[0], parts[1]);
    }

    public List<String> names() {
        return redisTemplate.opsForHash().keys("rooms").stream().map(Object::toString).sorted().collect(Collectors.toList());
    }
}
