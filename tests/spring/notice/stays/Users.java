package com.example.notice;

import java.util.Map;
import org.springframework.stereotype.Component;

/** The users' table: business code knows them by id, logins by name. */
@Component
public class Users {
    private static final Map<String, Long> IDS = Map.of("alice", 42L, "bob", 43L, "张三", 44L);

    public Long idOf(String loginName) {
        return IDS.get(loginName);
    }

    public String loginNameOf(Long id) {
        return IDS.entrySet().stream().filter(e -> e.getValue().equals(id)).map(Map.Entry::getKey).findFirst().orElse(null);
    }
}
