package com.example.push;

import com.example.wsidecar.Wsidecar;
import java.time.Duration;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** New code may as well address clients itself. */
@RestController
public class AnnouncementController {
    private final RedisTemplate<Object, Object> redisTemplate;

    public AnnouncementController(RedisTemplate<Object, Object> redisTemplate) {
        this.redisTemplate = redisTemplate;
    }

    /** At least once; waits for who is not there. */
    @PostMapping("/announcements")
    Long announce(@RequestParam String user, @RequestParam String id, @RequestParam String text) {
        return Wsidecar.push(redisTemplate).toUser(user).text(text)
            .id(id).ttl(Duration.ofHours(1)).mailbox().receipt("wsidecar:receipts:announcements").send();
    }

    /** At most once, to whoever is there. */
    @PostMapping("/headlines")
    Long headline(@RequestParam String author, @RequestParam String json) {
        return Wsidecar.push(redisTemplate).toAll().exceptUser(author).json(json).publish();
    }

    @PostMapping("/rooms/{room}/members")
    Long enter(@PathVariable String room, @RequestParam String user) {
        return Wsidecar.push(redisTemplate).toUser(user).join(room).leave("lobby").text("in " + room).collapse("room").send();
    }

    @PostMapping("/rooms/{room}/end")
    Long end(@PathVariable String room, @RequestParam String host) {
        return Wsidecar.push(redisTemplate).toGroup(room).exceptUser(host).exceptConnection("none").exceptAlias("none").exceptGroup("none")
            .binary(new byte[] {0, (byte) 0xFF}).close(4001, "the end").send();
    }
}
