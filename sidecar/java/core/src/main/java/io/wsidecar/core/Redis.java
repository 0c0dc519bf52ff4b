package io.wsidecar.core;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The few commands that the library needs. Over the app's own connection: an app with another client than those that the library knows
 * implements this. Every method throws an IOException when Redis cannot be reached or refuses.
 */
public interface Redis {
    long rpush(byte[] key, byte[] value) throws IOException;

    long publish(byte[] channel, byte[] message) throws IOException;

    /** Sets a field and gives the whole hash this many seconds to live, in one round trip where the client can. */
    void hset(byte[] key, byte[] field, byte[] value, long seconds) throws IOException;

    byte[] hget(byte[] key, byte[] field) throws IOException;

    void hdel(byte[] key, byte[] field) throws IOException;

    Map<byte[], byte[]> hgetall(byte[] key) throws IOException;

    void sadd(byte[] key, byte[] member) throws IOException;

    void srem(byte[] key, byte[] member) throws IOException;

    List<byte[]> smembers(byte[] key) throws IOException;

    void expire(byte[] key, long seconds) throws IOException;

    /** Null: the list is empty. */
    byte[] lpop(byte[] key) throws IOException;

    /** What a subscription hears. It may be called by a thread of the client, and does not block. */
    interface Listener {
        void heard(byte[] message);
    }

    /** Returns, or throws, when the subscription has ended. */
    default void subscribe(byte[] channel, Listener listener) throws IOException {
        throw new UnsupportedOperationException("subscribe");
    }
}
