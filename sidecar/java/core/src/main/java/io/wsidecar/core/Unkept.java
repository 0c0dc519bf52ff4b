package io.wsidecar.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a handler's compiled classes do that cannot be as it was, by class and line, and what to do instead. */
public final class Unkept {
    private static final int MAX_ANONYMOUS = 50;
    private static final Set<String> LIMITS = new HashSet<>(Arrays.asList("setTextMessageSizeLimit", "setBinaryMessageSizeLimit",
        "setMaxTextMessageBufferSize", "setMaxBinaryMessageBufferSize"));
    private static final Set<String> WAITS = new HashSet<>(Arrays.asList("CountDownLatch.await", "CompletableFuture.get", "CompletableFuture.join",
        "Future.get", "FutureTask.get", "ListenableFuture.get", "SettableListenableFuture.get", "BlockingQueue.take", "BlockingQueue.poll",
        "LinkedBlockingQueue.take", "LinkedBlockingQueue.poll", "ArrayBlockingQueue.take", "ArrayBlockingQueue.poll", "SynchronousQueue.take",
        "SynchronousQueue.poll", "BlockingDeque.take", "LinkedBlockingDeque.take", "Exchanger.exchange", "CyclicBarrier.await", "Semaphore.acquire",
        "Condition.await", "Phaser.awaitAdvance", "Object.wait"));

    public final List<String> remarks = new ArrayList<>();
    /** The largest message size limit that the classes set; 0: none. */
    private int limit;

    private Unkept() {}

    /** Of the application's own classes: this one, those that it extends, and those inside of them. */
    public static Unkept of(Class<?> handler) {
        Unkept found = new Unkept();
        for (Class<?> c = handler; c != null && !isFramework(c); c = c.getSuperclass()) {
            found.look(c);
            for (Class<?> inner : c.getDeclaredClasses()) {
                found.look(inner);
            }
            for (int i = 1; i <= MAX_ANONYMOUS; i++) {
                try {
                    found.look(Class.forName(c.getName() + "$" + i, false, c.getClassLoader()));
                } catch (ClassNotFoundException | LinkageError e) {
                    break;
                }
            }
        }
        return found;
    }

    /** com.example.Handler(Handler.java:12) */
    public static String place(Class<?> type) {
        Bytecode code = Bytecode.of(type);
        return code == null ? type.getName() : code.place(type, "<init>", code.firstLine()).replace(".<init>(", "(");
    }

    /** com.example.Handler.method(Handler.java:12), of the class of the application that has the method. */
    public static String place(Class<?> type, String method) {
        for (Class<?> c = type; c != null && !isFramework(c); c = c.getSuperclass()) {
            Bytecode code = Bytecode.of(c);
            for (Bytecode.Method m : code == null ? Collections.<Bytecode.Method>emptyList() : code.methods) {
                if (m.name.equals(method)) {
                    return code.place(c, method, m.line);
                }
            }
        }
        return type.getName() + "." + method;
    }

    public int limit() {
        return limit;
    }

    private static boolean isFramework(Class<?> c) {
        return c.getName().startsWith("java.") || c.getName().startsWith("javax.") || c.getName().startsWith("jakarta.")
            || c.getName().startsWith("org.springframework.");
    }

    private void look(Class<?> c) {
        Bytecode code = Bytecode.of(c);
        if (code == null) {
            return;
        }
        for (Bytecode.Method m : code.methods) {
            if (m.name.equals("handlePongMessage") || m.descriptor.contains("/websocket/PongMessage;") && !m.name.contains("$") && !m.name.startsWith("<")) {
                remarks.add(code.place(c, m.name, m.line) + " is never called, because wsidecar pings its clients itself. Move what it does for "
                    + "liveness to the setting `ping`, which says how often, and to the close that follows when a client does not answer (1006)");
            }
        }
        for (Bytecode.Call call : code.calls) {
            remark(c, code, call);
        }
    }

    private void remark(Class<?> c, Bytecode code, Bytecode.Call call) {
        String place = code.place(c, plain(call.method), call.line);
        String owner = call.owner.substring(call.owner.lastIndexOf('/') + 1);
        boolean ping = call.name.equals("<init>") && (owner.equals("PingMessage") || owner.equals("PongMessage"))
            || (call.name.equals("sendPing") || call.name.equals("sendPong")) && call.owner.contains("/websocket/");
        if (ping) {
            add(place + " sends a ping or pong, which wsidecar does not pass on, because it pings its clients itself. Remove it; the setting `ping` "
                + "says how often");
        } else if (LIMITS.contains(call.name)) {
            limit = Math.max(limit, call.argument);
            add(place + " calls " + call.name + ", which has no effect: wsidecar refuses larger messages before they reach the application. "
                + (call.argument > 0 ? "The printed route has this limit" : "Set `limits: {message: ...}` on the route to the limit that it computes"));
        } else if (call.name.equals("setMaxIdleTimeout") && call.owner.contains("/websocket/")) {
            add(place + " calls setMaxIdleTimeout, which has no effect: connections stay open for as long as their clients answer wsidecar's pings (`ping`)");
        } else if (WAITS.contains(owner + "." + call.name)) {
            add(place + " calls " + owner + "." + call.name + ". If it waits for what the client answers, it waits in vain: the next message of a "
                + "connection comes after the event before it, and to the replica that the connection belongs to. Go on in the method that is given "
                + "the answer");
        }
    }

    /** The method whose lambda it is. */
    private static String plain(String method) {
        String[] parts = method.split("\\$");
        return method.startsWith("lambda$") && parts.length > 1 ? parts[1] : method;
    }

    private void add(String words) {
        if (!remarks.contains(words)) {
            remarks.add(words);
        }
    }
}
