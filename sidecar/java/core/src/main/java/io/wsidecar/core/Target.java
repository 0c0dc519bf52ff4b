package io.wsidecar.core;

/** What serves the connections of a path: a Spring handler, an endpoint class, STOMP controllers. */
public interface Target {
    /** The close code of a connection that ended without a close frame. */
    int LOST = 1006;

    /** The session that the application's code is given for this connection. */
    Object session(Connection c);

    Connection connection(Object session);

    void open(Object session) throws Exception;

    void message(Object session, Event event, Answer answer) throws Exception;

    void close(Object session, int code, String reason) throws Exception;

    /** Whether an object of the application belongs to each connection, and has to stay in memory with it. */
    boolean stateful();

    /** Whether an application may keep sessions of this kind in a collection of its own: then it may be told of those of other replicas. */
    default boolean shared() {
        return true;
    }

    /** Whether what is sent in one process reaches the clients of all, so that only the process that has the event of an end may say it. */
    default boolean reachesAll() {
        return false;
    }

    /** In words, for the log: the class that it is. */
    String name();
}
