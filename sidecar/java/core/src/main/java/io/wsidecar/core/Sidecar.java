package io.wsidecar.core;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.function.UnaryOperator;

/** The library in one application: what its sessions send by, and what is written down of them. */
public final class Sidecar implements AutoCloseable {
    private static final int MAX_STATE = 2048;
    private static final int CODE = 16;
    private static final int MAX_INSTANCES = 8;
    /** A kind, an incarnation and a version. */
    private static final int HEAD = 17;
    private static final int IN_RECORD = 1;
    private static final long RECORD_SECONDS = 2 * 24 * 3600L;
    private static final long FIELD_SECONDS = 30 * 24 * 3600L;
    private static final long CHECKED_MILLIS = 1000;
    private static volatile Sidecar current;

    public final Settings settings;
    public final Signatures signatures;
    public final Recent recent = new Recent();
    public final Sessions sessions = new Sessions();
    final Overflows overflows = new Overflows();
    final Overdue overdue;
    final long incarnation = new SecureRandom().nextLong();
    public final Leader leader = new Leader(this);
    private final Redis redis;
    private final ThreadLocal<Turn> turn = new ThreadLocal<>();
    private final ThreadLocal<Boolean> muted = new ThreadLocal<>();
    private volatile boolean shared;
    private final Set<String> told = ConcurrentHashMap.newKeySet();
    /** The youngest last: an instance of wsidecar that starts again is another. */
    private final Set<String> instances = new CopyOnWriteArraySet<>();

    public interface Work {
        void run() throws Exception;
    }

    public Sidecar(Settings settings, Redis redis) {
        this.settings = settings;
        this.redis = redis;
        this.signatures = new Signatures(settings.secrets());
        this.overdue = new Overdue(settings.marginMillis());
        current = this;
    }

    @Override
    public void close() {
        overdue.close();
    }

    /** Sessions that come out of a serializer find it here. */
    public static Sidecar current() {
        Sidecar it = current;
        if (it == null) {
            throw new IllegalStateException("wsidecar's library is not started in this application");
        }
        return it;
    }

    // ------------------------------------------------------------------------------------------------- to clients

    /** Within the connection's own event what is sent goes with the answer. */
    public void within(Connection c, Answer answer, Work work) throws Exception {
        Turn before = turn.get();
        turn.set(new Turn(c, answer));
        try {
            work.run();
        } finally {
            if (before == null) {
                turn.remove();
            } else {
                turn.set(before);
            }
        }
    }

    /** What the work sends is not sent: another replica has done the same work already. */
    void muted(Work work) throws Exception {
        muted.set(true);
        try {
            work.run();
        } finally {
            muted.remove();
        }
    }

    /** For attributes that cannot be serialized: what is written down in their place, or null. */
    public void copies(UnaryOperator<Object> value) {
        Codec.copies = value;
    }

    /** Other replicas are told of connections, and so each change is written down for them. */
    void shared() {
        shared = true;
    }

    Redis redis() {
        return redis;
    }

    /** Whether this thread works on an event. */
    public boolean atWork() {
        return turn.get() != null;
    }

    /** Whether this thread works on an event of any connection. */
    public static boolean working() {
        Sidecar it = current;
        return it != null && it.atWork();
    }

    /** Null: this thread does not work on an event of this connection. */
    public Answer answerOf(String connection) {
        Turn now = turn.get();
        return now != null && now.connection.id.equals(connection) ? now.answer : null;
    }

    /** Null: this thread does not work on an event of this connection, or nobody has logged in on it. */
    public String userOf(String connection) {
        Turn now = turn.get();
        return now != null && now.connection.id.equals(connection) && now.connection.principal != null ? now.connection.principal.getName() : null;
    }

    void send(Connection c, boolean text, byte[] payload) throws IOException {
        if (!c.isOpen()) {
            throw new IllegalStateException("The WebSocket session [" + c.id + "] has been closed and no method (apart from close()) may be called on a closed session");
        }
        if (muted.get() != null) {
            return;
        }
        Answer answer = answerOf(c.id);
        boolean along = answer != null && !overflows.contains(c.id);
        if (along && answer.add(text, payload) || leader.sendsForThis()) {
            return;
        }
        byte[] envelope = Envelope.message(c.id, text, payload);  // first of all: if it is too large, nothing changes
        if (answer != null && answer.overflow((isText, one) -> push(Envelope.message(c.id, isText, one), settings.send()))) {
            overflows.add(c.id);
        }
        push(envelope, settings.send());
    }

    void close(Connection c, int code, String reason) throws IOException {
        if (muted.get() != null) {
            return;
        }
        Answer answer = answerOf(c.id);
        if (answer == null || !answer.close(code, reason)) {
            push(new Envelope().connection(c.id).close(code, reason));
        }
    }

    /** An IOException: Redis does not have it. */
    public void push(Envelope envelope) throws IOException {
        push(envelope, settings.send());
    }

    public void push(Envelope envelope, Settings.Send by) throws IOException {
        push(envelope.checked(), by);
    }

    void push(byte[] envelope, Settings.Send by) throws IOException {
        if (muted.get() != null) {
            return;
        }
        if (by == Settings.Send.CHANNEL) {
            redis.publish(key("push"), envelope);
        } else {
            redis.rpush(bytes(settings.outbox()), envelope);
        }
    }

    // --------------------------------------------------------------------------------------------- what is written down

    /** Asks Redis whether the connection is there. */
    boolean isOpen(Connection c) {
        if (System.currentTimeMillis() < c.openUntil) {
            return true;
        }
        try {
            boolean open = redis.hget(recordsOf(c.instance), bytes(c.id)) != null;
            c.openUntil = open ? System.currentTimeMillis() + CHECKED_MILLIS : 0;
            return open;
        } catch (IOException e) {
            return true;  // what is sent to it will say that Redis is away
        }
    }

    /** After its connect event: known to all replicas from now on. */
    public void opened(Connection c, Answer answer) throws IOException {
        c.incarnation = incarnation;
        c.attached = true;
        answer.header("Ws-State", state(c));
        listed(c);
    }

    /** After any other event of a connection that goes on: what has changed is written. True: something has. */
    public boolean settle(Connection c, String before, Answer answer) throws IOException {
        String state = state(c);
        if (state.equals(before)) {
            return false;
        }
        if (shared || recorded(c)) {
            c.version++;
            record(c);
            state = state(c);
        }
        answer.header("Ws-State", state);
        return true;
    }

    /** After its disconnect event, on whichever replica that was. */
    public void closed(Connection c) throws IOException {
        c.ended();
        redis.hdel(recordsOf(c.instance), bytes(c.id));
        if (!instances.contains(c.instance)) {
            // Its own application may live, and hold a session of it.
            redis.rpush(key("java:gone:" + c.instance), bytes(c.id));
            redis.expire(key("java:gone:" + c.instance), RECORD_SECONDS);
        }
    }

    /**
     * The connection of an event, from what came with it and, where that does not say it all, from Redis. {@code c} has what the request
     * says. False: nothing is known of it, or it was opened in another process.
     */
    public boolean restore(Event event, Connection c) throws IOException {
        c.attached = event.type != Event.Type.DISCONNECT || instances.contains(c.instance);
        byte[] state = unsealed("state." + c.id, event.state);
        boolean all = false;
        if (state != null) {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(state));
            all = in.readByte() != IN_RECORD;
            c.incarnation = in.readLong();
            c.version = in.readLong();
            if (all) {
                Codec.read(Arrays.copyOfRange(state, HEAD, state.length), c);
            }
        }
        if (!all || c.incarnation != incarnation) {
            byte[] record = unsealed("record", redis.hget(recordsOf(c.instance), bytes(c.id)));
            if (record != null) {
                take(Codec.connection(record), c, !all);
            }
        }
        if (c.attached) {
            belongs(c.instance);
        }
        return c.incarnation == incarnation;
    }

    /** A session that was opened again by what was written at its connect, when its first event comes: what has changed since is in that. */
    void refresh(Event event, Connection c) throws IOException {
        byte[] state = unsealed("state." + c.id, event.state);
        if (state != null && state.length > HEAD && state[0] != IN_RECORD) {
            Connection newer = new Connection(c.id, c.instance, c.uri);
            Codec.read(Arrays.copyOfRange(state, HEAD, state.length), newer);
            c.attributes.putAll(newer.attributes);
        }
        c.resumed = false;
    }

    private void take(Connection from, Connection to, boolean content) {
        to.incarnation = from.incarnation == incarnation ? incarnation : to.incarnation;
        to.version = from.version;
        from.headers.forEach(to.headers::putIfAbsent);
        to.subprotocol = to.subprotocol == null ? from.subprotocol : to.subprotocol;
        if (content) {
            to.principal = from.principal;
            to.attributes.clear();
            to.attributes.putAll(from.attributes);
        }
    }

    /** A connection whose handler was told that it is open in another process, is told in this one. */
    public void reopened(Connection c) throws IOException {
        c.incarnation = incarnation;
        listed(c);
    }

    /** All connections of one instance of wsidecar that are open. */
    public List<Connection> of(String instance) throws IOException {
        List<Connection> all = new ArrayList<>();
        for (byte[] sealed : redis.hgetall(recordsOf(instance)).values()) {
            byte[] record = unsealed("record", sealed);
            if (record != null) {
                Connection c = Codec.connection(record);
                c.attached = instances.contains(instance);
                c.openUntil = System.currentTimeMillis() + CHECKED_MILLIS;
                all.add(c);
            }
        }
        return all;
    }

    /** All open connections on all replicas. */
    public List<Connection> everywhere() throws IOException {
        List<Connection> all = new ArrayList<>();
        for (byte[] name : redis.smembers(key("java:instances"))) {
            String instance = new String(name, StandardCharsets.UTF_8);
            List<Connection> its = of(instance);
            if (its.isEmpty() && !instances.contains(instance)) {
                redis.srem(key("java:instances"), name);
                its = of(instance);
                if (!its.isEmpty()) {
                    redis.sadd(key("java:instances"), name);  // its next connection was opened meanwhile
                }
            }
            all.addAll(its);
        }
        return all;
    }

    /** Whether Redis still has what this process wrote at its start; where it has not, it is written again. */
    boolean stillThere() throws IOException {
        Set<String> names = new HashSet<>();
        for (byte[] name : redis.smembers(key("java:instances"))) {
            names.add(new String(name, StandardCharsets.UTF_8));
        }
        boolean all = names.containsAll(instances);
        for (String own : all ? Collections.<String>emptyList() : new ArrayList<>(instances)) {
            redis.sadd(key("java:instances"), bytes(own));
        }
        return all;
    }

    /** A field of a hash under the prefix; null: it is not there. */
    public byte[] field(String hash, String field) throws IOException {
        return redis.hget(key(hash), bytes(field));
    }

    public void field(String hash, String field, byte[] value) throws IOException {
        if (value == null) {
            redis.hdel(key(hash), bytes(field));
        } else {
            redis.hset(key(hash), bytes(field), value, FIELD_SECONDS);
        }
    }

    public Map<byte[], byte[]> fields(String hash) throws IOException {
        return redis.hgetall(key(hash));
    }

    /** Instances of wsidecar whose events come to this application. */
    public Collection<String> instances() {
        return instances;
    }

    /** Ids of connections of this instance that another replica has taken leave of. */
    List<String> gone(String instance) throws IOException {
        List<String> all = new ArrayList<>();
        for (byte[] id = redis.lpop(key("java:gone:" + instance)); id != null && all.size() < 10000; id = redis.lpop(key("java:gone:" + instance))) {
            all.add(new String(id, StandardCharsets.UTF_8));
        }
        return all;
    }

    void keep(String instance) throws IOException {
        redis.expire(recordsOf(instance), RECORD_SECONDS);
    }

    /** The first time that this process hears of the instance. */
    boolean belongs(String instance) throws IOException {
        if (!instances.contains(instance)) {
            redis.sadd(key("java:instances"), bytes(instance));
            boolean added = instances.add(instance);
            while (instances.size() > MAX_INSTANCES) {
                instances.remove(instances.iterator().next());
            }
            return added;
        }
        return false;
    }

    /** Its instance is listed behind it: another replica takes an instance without connections out of the list. */
    private void listed(Connection c) throws IOException {
        record(c);
        if (!belongs(c.instance)) {
            redis.sadd(key("java:instances"), bytes(c.instance));
        }
    }

    private void record(Connection c) throws IOException {
        redis.hset(recordsOf(c.instance), bytes(c.id), sealed("record", Codec.record(c, this::unwritable)), RECORD_SECONDS);
    }

    private boolean recorded(Connection c) {
        return !Codec.plain(c) || sealedLength(Codec.content(c, Codec.QUIET).length + HEAD) > MAX_STATE;
    }

    /** What wsidecar gives back with each event. */
    private String state(Connection c) {
        byte[] content = Codec.content(c, this::unwritable);
        boolean apart = recorded(c);
        byte[] digest = apart ? Arrays.copyOf(signatures.code("digest", content), CODE) : content;
        ByteBuffer out = ByteBuffer.allocate(HEAD + digest.length);
        out.put((byte) (apart ? IN_RECORD : 0)).putLong(c.incarnation).putLong(c.version).put(digest);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(sealed("state." + c.id, out.array()));
    }

    private static int sealedLength(int content) {
        return ((content + CODE) * 4 + 2) / 3;
    }

    byte[] sealed(String purpose, byte[] content) {
        byte[] out = Arrays.copyOf(signatures.code(purpose, content), CODE + content.length);
        System.arraycopy(content, 0, out, CODE, content.length);
        return out;
    }

    private byte[] unsealed(String purpose, String text) {
        try {
            return text == null ? null : unsealed(purpose, Base64.getUrlDecoder().decode(text));
        } catch (IllegalArgumentException e) {
            return null;  // not of the library
        }
    }

    /** Null: it is not what this library wrote; nothing of it is looked at. */
    byte[] unsealed(String purpose, byte[] sealed) {
        if (sealed == null || sealed.length < CODE) {
            return null;
        }
        byte[] content = Arrays.copyOfRange(sealed, CODE, sealed.length);
        if (!signatures.isCode(purpose, Arrays.copyOf(sealed, CODE), content)) {
            Log.warn("what is kept of a session has not been written by this application, or with another secret: it is not used");
            return null;
        }
        return content;
    }

    private void unwritable(Connection c, String what, Object value) {
        c.bound = true;
        if (told.size() < 1000 && told.add(what + value.getClass().getName())) {
            Log.warn(what + " of a session is a " + value.getClass().getName() + ", which cannot be serialized: it stays in this process, and "
                + (Codec.copies.apply(value) == null ? "is not there after a restart or on another replica"
                    : "after a restart or on another replica there is a copy of what it said"));
        }
    }

    private byte[] recordsOf(String instance) {
        return key("java:sessions:" + instance);
    }

    byte[] key(String name) {
        return bytes(settings.prefix() + name);
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }
}
