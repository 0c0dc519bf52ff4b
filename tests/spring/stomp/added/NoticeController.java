package com.example.added;

import com.example.desk.Line;
import com.example.wsidecar.Wsidecar;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class NoticeController {
    private final StringRedisTemplate redisTemplate;
    private final ObjectMapper mapper;

    public NoticeController(StringRedisTemplate redisTemplate, ObjectMapper mapper) {
        this.redisTemplate = redisTemplate;
        this.mapper = mapper;
    }

    @PostMapping("/notices")
    void notice(@RequestParam String user, @RequestParam String text) throws JsonProcessingException {
        Wsidecar.push(redisTemplate).toUser(user).toDestination("/queue/notices").json(json(new Line("desk", text))).send();
    }

    @PostMapping("/news")
    void news(@RequestParam String text) throws JsonProcessingException {
        redisTemplate.convertAndSend("wsidecar:destination:/topic/news", json(new Line("desk", text)));
    }

    private String json(Line line) throws JsonProcessingException {
        return mapper.writeValueAsString(line);
    }
}
