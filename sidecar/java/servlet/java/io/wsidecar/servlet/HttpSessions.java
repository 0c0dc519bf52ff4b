package io.wsidecar.servlet;

import io.wsidecar.core.Connection;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpSession;
import javax.servlet.http.HttpSessionEvent;
import javax.servlet.http.HttpSessionListener;

/** Hears of the server's HTTP sessions that end: a logout closes the connections that were opened under it. */
public final class HttpSessions implements HttpSessionListener {

    /** Null: there is none. */
    static String idOf(HttpServletRequest request) {
        HttpSession session = request.getSession(false);
        return session == null ? null : session.getId();
    }

    static void opened(Application application, HttpServletRequest request, Connection c) {
        String id = request.getUserPrincipal() == null ? null : idOf(request);
        if (id != null) {
            application.logins.opened(id, c);
        }
    }

    @Override
    public void sessionDestroyed(HttpSessionEvent event) {
        Application application = Application.in(event.getSession().getServletContext());
        if (application != null) {
            application.logins.ended(event.getSession().getId());
        }
    }

    @Override
    public void sessionCreated(HttpSessionEvent event) {
        // Nothing is connected yet.
    }
}
