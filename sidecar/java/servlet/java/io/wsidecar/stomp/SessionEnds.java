package io.wsidecar.stomp;

import io.wsidecar.core.Log;
import io.wsidecar.core.Logins;
import java.lang.reflect.Method;
import org.springframework.context.ApplicationEvent;
import org.springframework.context.event.SmartApplicationListener;

/** Spring Session says that an HTTP session has ended: in the place of its own decorator of STOMP connections, which has none here. */
final class SessionEnds implements SmartApplicationListener {
    private static final String EVENT = "org.springframework.session.events.SessionDestroyedEvent";
    private static final String REASON = "This connection was established under an authenticated HTTP Session that has expired";  // Spring Session's words
    private final Logins logins;

    SessionEnds(Logins logins) {
        this.logins = logins;
    }

    @Override
    public boolean supportsEventType(Class<? extends ApplicationEvent> type) {
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            if (c.getName().equals(EVENT)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean supportsSourceType(Class<?> type) {
        return true;
    }

    @Override
    public int getOrder() {
        return LOWEST_PRECEDENCE;
    }

    @Override
    public void onApplicationEvent(ApplicationEvent event) {
        try {
            Method id = event.getClass().getMethod("getSessionId");
            logins.ended((String) id.invoke(event), REASON);
        } catch (ReflectiveOperationException e) {
            Log.warn("connections of an HTTP session that has ended stay open", e);
        }
    }
}
