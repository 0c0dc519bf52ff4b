package io.wsidecar.core;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLSocketFactory;

/**
 * Redis over one connection of the library's own, for applications without spring-data-redis: redis://user:password@host:port/database,
 * rediss:// with TLS. A connection that broke is opened again by the next command; a command that may have been carried out is not repeated.
 */
public final class RespRedis implements Redis, Closeable {
    private static final int TIMEOUT_MILLIS = 2000;
    private static final int LARGEST_REPLY = 64 << 20;
    private final URI uri;
    private Socket socket;
    private DataInputStream in;
    private OutputStream out;

    public RespRedis(String url) {
        this.uri = URI.create(url);
        if (!"redis".equals(uri.getScheme()) && !"rediss".equals(uri.getScheme()) || uri.getHost() == null) {
            throw new IllegalArgumentException("wsidecar.redis is redis://host:port/database, or rediss:// with TLS");
        }
    }

    @Override
    public long rpush(byte[] key, byte[] value) throws IOException {
        return (Long) command(bytes("RPUSH"), key, value);
    }

    @Override
    public long publish(byte[] channel, byte[] message) throws IOException {
        return (Long) command(bytes("PUBLISH"), channel, message);
    }

    @Override
    public synchronized void hset(byte[] key, byte[] field, byte[] value, long seconds) throws IOException {
        open();
        try {
            write(bytes("HSET"), key, field, value);
            write(bytes("EXPIRE"), key, bytes(Long.toString(seconds)));
            out.flush();
            Object first = read(0);
            refused(read(0));
            refused(first);
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    @Override
    public byte[] hget(byte[] key, byte[] field) throws IOException {
        return (byte[]) command(bytes("HGET"), key, field);
    }

    @Override
    public void hdel(byte[] key, byte[] field) throws IOException {
        command(bytes("HDEL"), key, field);
    }

    @Override
    public Map<byte[], byte[]> hgetall(byte[] key) throws IOException {
        List<?> flat = (List<?>) command(bytes("HGETALL"), key);
        Map<byte[], byte[]> all = new LinkedHashMap<>();
        for (int i = 0; i + 1 < flat.size(); i += 2) {
            all.put((byte[]) flat.get(i), (byte[]) flat.get(i + 1));
        }
        return all;
    }

    @Override
    public void sadd(byte[] key, byte[] member) throws IOException {
        command(bytes("SADD"), key, member);
    }

    @Override
    public void srem(byte[] key, byte[] member) throws IOException {
        command(bytes("SREM"), key, member);
    }

    @Override
    public List<byte[]> smembers(byte[] key) throws IOException {
        List<byte[]> all = new ArrayList<>();
        for (Object member : (List<?>) command(bytes("SMEMBERS"), key)) {
            all.add((byte[]) member);
        }
        return all;
    }

    @Override
    public void expire(byte[] key, long seconds) throws IOException {
        command(bytes("EXPIRE"), key, bytes(Long.toString(seconds)));
    }

    @Override
    public byte[] lpop(byte[] key) throws IOException {
        return (byte[]) command(bytes("LPOP"), key);
    }

    /** Over a connection of its own. */
    @Override
    public void subscribe(byte[] channel, Listener listener) throws IOException {
        try (RespRedis own = new RespRedis(uri.toString())) {
            own.listen(channel, listener);
        }
    }

    private synchronized void listen(byte[] channel, Listener listener) throws IOException {
        open();
        socket.setSoTimeout(0);
        socket.setKeepAlive(true);
        write(bytes("SUBSCRIBE"), channel);
        out.flush();
        for (;;) {
            Object reply = refused(read(0));
            List<?> parts = reply instanceof List ? (List<?>) reply : null;
            if (parts != null && parts.size() == 3 && parts.get(2) instanceof byte[]) {
                listener.heard((byte[]) parts.get(2));
            }
        }
    }

    @Override
    public synchronized void close() {
        try {
            if (socket != null) {
                socket.close();
            }
        } catch (IOException e) {
            // It is gone all the same.
        }
        socket = null;
    }

    private synchronized Object command(byte[]... words) throws IOException {
        open();
        try {
            write(words);
            out.flush();
            return refused(read(0));
        } catch (Refusal e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    private void open() throws IOException {
        if (socket != null) {
            return;
        }
        int port = uri.getPort() < 0 ? 6379 : uri.getPort();
        Socket plain = new Socket();
        try {
            plain.connect(new InetSocketAddress(uri.getHost(), port), TIMEOUT_MILLIS);
            plain.setSoTimeout(TIMEOUT_MILLIS);
            plain.setTcpNoDelay(true);
            socket = "rediss".equals(uri.getScheme()) ? ((SSLSocketFactory) SSLSocketFactory.getDefault()).createSocket(plain, uri.getHost(), port, true) : plain;
            in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
            out = new BufferedOutputStream(socket.getOutputStream());
            greet();
        } catch (IOException | RuntimeException e) {
            plain.close();
            socket = null;
            throw e;
        }
    }

    private void greet() throws IOException {
        String[] login = uri.getRawUserInfo() == null ? new String[0] : uri.getRawUserInfo().split(":", 2);
        List<byte[]> auth = new ArrayList<>();
        auth.add(bytes("AUTH"));
        for (String part : login) {
            if (!part.isEmpty()) {
                auth.add(bytes(Percent.decode(part)));
            }
        }
        if (auth.size() > 1) {
            write(auth.toArray(new byte[0][]));
            out.flush();
            refused(read(0));
        }
        String database = uri.getPath() == null ? "" : uri.getPath().replace("/", "");
        if (!database.isEmpty() && !database.equals("0")) {
            write(bytes("SELECT"), bytes(database));
            out.flush();
            refused(read(0));
        }
    }

    private void write(byte[]... words) throws IOException {
        out.write(bytes("*" + words.length + "\r\n"));
        for (byte[] word : words) {
            out.write(bytes("$" + word.length + "\r\n"));
            out.write(word);
            out.write('\r');
            out.write('\n');
        }
    }

    private Object read(int depth) throws IOException {
        String line = line();
        String rest = line.substring(1);
        switch (line.charAt(0)) {
            case '+': return rest;
            case '-': return new Refusal(rest);
            case ':': return Long.valueOf(rest);
            case '$': {
                int length = length(rest);
                if (length < 0) {
                    return null;
                }
                byte[] value = new byte[length];
                in.readFully(value);
                in.readFully(new byte[2]);
                return value;
            }
            case '*': {
                if (depth > 4) {
                    throw new IOException("Redis answered something that is no reply");
                }
                List<Object> all = new ArrayList<>();
                for (int left = length(rest); left > 0; left--) {
                    all.add(read(depth + 1));
                }
                return all;
            }
            default: throw new IOException("Redis answered something that is no reply");
        }
    }

    private static int length(String digits) throws IOException {
        try {
            int length = Integer.parseInt(digits);
            if (length <= LARGEST_REPLY) {
                return length;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new IOException("Redis answered something that is no reply");
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (;;) {
            int c = in.readUnsignedByte();
            if (c == '\r') {
                in.readUnsignedByte();
                if (line.length() == 0) {
                    throw new IOException("Redis answered something that is no reply");
                }
                return line.toString();
            }
            if (line.length() > 4096) {
                throw new IOException("Redis answered something that is no reply");
            }
            line.append((char) c);
        }
    }

    private static Object refused(Object reply) throws IOException {
        if (reply instanceof Refusal) {
            throw (Refusal) reply;
        }
        return reply;
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    private static final class Refusal extends IOException {
        private static final long serialVersionUID = 1;

        Refusal(String words) {
            super("Redis refused: " + words);
        }
    }
}
