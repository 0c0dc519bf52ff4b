package io.wsidecar.servlet;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Event;
import io.wsidecar.core.Target;
import javax.servlet.ServletRequest;
import javax.servlet.http.HttpServletRequest;

/** A connect event on its way through the application's filters to the handler that says yes or no to it. */
public final class Opening {
    private static final String ATTRIBUTE = Opening.class.getName();
    public final Application application;
    public final Event event;
    public final Answer answer = new Answer();
    private boolean accepted;

    Opening(Application application, Event event) {
        this.application = application;
        this.event = event;
    }

    /** Null: the request is an ordinary one. */
    public static Opening of(ServletRequest request) {
        return (Opening) request.getAttribute(ATTRIBUTE);
    }

    void into(ServletRequest request) {
        request.setAttribute(ATTRIBUTE, this);
    }

    /** The connection that this request opens. */
    public Connection connection(HttpServletRequest request) {
        return Requests.connection(event, request);
    }

    /** @param request as the application's filters left it: it knows who has logged in */
    public void accept(Connection c, Target target, HttpServletRequest request) throws Exception {
        c.opening = event;
        try {
            application.events.open(c, target, answer);
        } finally {
            c.opening = null;
        }
        HttpSessions.opened(application, request, c);
        accepted = true;
    }

    boolean accepted() {
        return accepted;
    }
}
