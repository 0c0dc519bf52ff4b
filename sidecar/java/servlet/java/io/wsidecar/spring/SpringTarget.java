package io.wsidecar.spring;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Target;

/** What serves connections whose sessions are Spring's. */
public abstract class SpringTarget implements Target {

    @Override
    public final Object session(Connection c) {
        return SidecarWebSocketSession.of(c);
    }

    @Override
    public final Connection connection(Object session) {
        return session instanceof SidecarWebSocketSession ? ((SidecarWebSocketSession) session).connection() : null;
    }
}
