package com.example.desk;

import java.util.List;
import java.util.stream.Collectors;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Service;

/** Who has subscribed to what, on all servers. */
@Service
public class Watchers {
    private final StringRedisTemplate redisTemplate;

    public Watchers(StringRedisTemplate redisTemplate) {
        this.redisTemplate = redisTemplate;
    }

    public void add(String session, String destination, LoginBean loginBean) {
        redisTemplate.opsForSet().add("watched-by:" + session, destination);
        redisTemplate.opsForHash().put("watchers:" + destination, session, loginBean.id() + " " + loginBean.name());
    }

    public void remove(String session) {
        for (String destination : redisTemplate.opsForSet().members("watched-by:" + session)) {
            redisTemplate.opsForHash().delete("watchers:" + destination, session);
        }
        redisTemplate.delete("watched-by:" + session);
    }

    public List<String> of(String destination) {
        return redisTemplate.opsForHash().values("watchers:" + destination).stream().map(Object::toString).sorted()
            .collect(Collectors.toList());
    }
}
