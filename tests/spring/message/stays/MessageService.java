package com.example.push;

import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.stereotype.Service;

@Service
public class MessageService {
    private final RedisTemplate<Object, Object> redisTemplate;
    private final StringRedisTemplate database;  // stands for the table of messages, which both replicas share

    public MessageService(RedisTemplate<Object, Object> redisTemplate, StringRedisTemplate database) {
        this.redisTemplate = redisTemplate;
        this.database = database;
    }

    public void push(String userLdap, List<Long> ids) {
        PushMessageVO pushMessageVO = new PushMessageVO(userLdap, load(ids));
        redisTemplate.convertAndSend("websocket/message", pushMessageVO);
    }

    public void pushUnsent(String userLdap) {
        Set<String> ids = database.opsForSet().members("unsent:" + userLdap);
        List<Long> sorted = new ArrayList<>();
        new TreeSet<>(ids).forEach(id -> sorted.add(Long.valueOf(id)));
        push(userLdap, sorted);
    }

    public void queue(String userLdap, List<Long> ids) {
        redisTemplate.opsForList().leftPush("websocket:messages", new PushMessageVO(userLdap, load(ids)));
    }

    public void save(String userLdap, List<Long> ids) {
        for (Long id : ids) {
            database.opsForHash().putAll("message:" + id, Map.of("to", userLdap, "status", "NEW"));
            database.opsForSet().add("unsent:" + userLdap, id.toString());
        }
    }

    public void markAsSent(List<Long> ids) {
        for (Long id : ids) {
            String userLdap = (String) database.opsForHash().get("message:" + id, "to");
            database.opsForHash().put("message:" + id, "status", "SENT");
            database.opsForHash().increment("message:" + id, "marked", 1);
            database.opsForSet().remove("unsent:" + userLdap, id.toString());
        }
    }

    private List<MessageVO> load(List<Long> ids) {
        List<MessageVO> messages = new ArrayList<>();
        ids.forEach(id -> messages.add(new MessageVO(id, "通知", "您有新消息", new Date(1540171800123L), MessageVO.Status.NEW)));
        return messages;
    }
}
