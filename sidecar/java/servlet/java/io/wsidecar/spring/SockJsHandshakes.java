package io.wsidecar.spring;

import io.wsidecar.servlet.Opening;
import javax.servlet.http.HttpServletRequest;
import org.springframework.core.Ordered;
import org.springframework.web.servlet.handler.AbstractHandlerMapping;

/** Connect events of SockJS clients: the handshake of their endpoint, without SockJS, which wsidecar has spoken. */
final class SockJsHandshakes extends AbstractHandlerMapping {
    private final SpringHandlers handlers;

    SockJsHandshakes(SpringHandlers handlers) {
        this.handlers = handlers;
        setOrder(Ordered.HIGHEST_PRECEDENCE);
    }

    @Override
    protected Object getHandlerInternal(HttpServletRequest request) {
        Opening opening = Opening.of(request);
        if (opening == null) {
            return null;
        }
        String path = request.getPathInfo() != null ? request.getPathInfo() : request.getServletPath();
        return handlers.sockJs(path, opening.event.sockJs);
    }
}
