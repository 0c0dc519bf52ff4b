package io.wsidecar.core;

/** The event that a thread is working on. */
final class Turn {
    final Connection connection;
    final Answer answer;

    Turn(Connection connection, Answer answer) {
        this.connection = connection;
        this.answer = answer;
    }
}
