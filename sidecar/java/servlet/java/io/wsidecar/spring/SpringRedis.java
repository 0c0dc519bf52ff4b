package io.wsidecar.spring;

import io.wsidecar.core.Redis;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.data.redis.connection.RedisConnection;
import org.springframework.data.redis.connection.RedisConnectionFactory;

/** Redis over the application's own connection. */
public final class SpringRedis implements Redis {
    private static final long SUBSCRIBED_MILLIS = 1000;
    private final RedisConnectionFactory factory;

    private interface Call<T> {
        T on(RedisConnection connection);
    }

    public SpringRedis(RedisConnectionFactory factory) {
        this.factory = factory;
    }

    @Override
    public long rpush(byte[] key, byte[] value) throws IOException {
        return call(c -> c.listCommands().rPush(key, value));
    }

    @Override
    public long publish(byte[] channel, byte[] message) throws IOException {
        Long receivers = call(c -> c.publish(channel, message));
        return receivers == null ? 0 : receivers;
    }

    @Override
    public void hset(byte[] key, byte[] field, byte[] value, long seconds) throws IOException {
        call(c -> {
            c.hashCommands().hSet(key, field, value);
            return c.keyCommands().expire(key, seconds);
        });
    }

    @Override
    public byte[] hget(byte[] key, byte[] field) throws IOException {
        return call(c -> c.hashCommands().hGet(key, field));
    }

    @Override
    public void hdel(byte[] key, byte[] field) throws IOException {
        call(c -> c.hashCommands().hDel(key, field));
    }

    @Override
    public Map<byte[], byte[]> hgetall(byte[] key) throws IOException {
        return call(c -> c.hashCommands().hGetAll(key));
    }

    @Override
    public void sadd(byte[] key, byte[] member) throws IOException {
        call(c -> c.setCommands().sAdd(key, member));
    }

    @Override
    public void srem(byte[] key, byte[] member) throws IOException {
        call(c -> c.setCommands().sRem(key, member));
    }

    @Override
    public List<byte[]> smembers(byte[] key) throws IOException {
        return new ArrayList<>(call(c -> c.setCommands().sMembers(key)));
    }

    @Override
    public void expire(byte[] key, long seconds) throws IOException {
        call(c -> c.keyCommands().expire(key, seconds));
    }

    @Override
    public byte[] lpop(byte[] key) throws IOException {
        return call(c -> c.listCommands().lPop(key));
    }

    /** Some clients subscribe and return, others stay in the call as long as the subscription lasts. */
    @Override
    public void subscribe(byte[] channel, Listener listener) throws IOException {
        RedisConnection connection = null;
        try {
            connection = factory.getConnection();
            connection.subscribe((message, pattern) -> listener.heard(message.getBody()), channel);
            while (connection.isSubscribed()) {
                Thread.sleep(SUBSCRIBED_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            throw new IOException("Redis does not have it: " + e.getMessage(), e);
        } finally {
            if (connection != null) {
                close(connection);
            }
        }
    }

    private <T> T call(Call<T> call) throws IOException {
        RedisConnection connection = null;
        try {
            connection = factory.getConnection();
            return call.on(connection);
        } catch (RuntimeException e) {  // DataAccessException, and what clients throw of their own
            throw new IOException("Redis does not have it: " + e.getMessage(), e);
        } finally {
            if (connection != null) {
                close(connection);
            }
        }
    }

    private static void close(RedisConnection connection) {
        try {
            connection.close();
        } catch (RuntimeException e) {
            // What was to be done is done.
        }
    }
}
