package io.wsidecar.spring;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Target;
import io.wsidecar.servlet.Opening;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.Principal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.springframework.http.HttpHeaders;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.http.server.ServletServerHttpResponse;
import org.springframework.web.socket.WebSocketExtension;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.server.HandshakeFailureException;
import org.springframework.web.socket.server.RequestUpgradeStrategy;

/** The last step of a handshake, in place of the server's own: interceptors and handshake handler have had their say. */
final class SidecarUpgradeStrategy implements RequestUpgradeStrategy {
    private final RequestUpgradeStrategy original;
    private final SpringHandlers handlers;

    SidecarUpgradeStrategy(RequestUpgradeStrategy original, SpringHandlers handlers) {
        this.original = original;
        this.handlers = handlers;
    }

    @Override
    public String[] getSupportedVersions() {
        return original.getSupportedVersions();
    }

    @Override
    public List<WebSocketExtension> getSupportedExtensions(ServerHttpRequest request) {
        return opening(request) == null ? original.getSupportedExtensions(request) : Collections.emptyList();
    }

    @Override
    public void upgrade(ServerHttpRequest request, ServerHttpResponse response, String subprotocol, List<WebSocketExtension> extensions,
            Principal user, WebSocketHandler handler, Map<String, Object> attributes) throws HandshakeFailureException {
        Opening opening = opening(request);
        if (opening == null) {
            original.upgrade(request, response, subprotocol, extensions, user, handler, attributes);
            return;
        }
        Connection c = opening.connection(servlet(request));
        HttpHeaders headers = request.getHeaders();
        headers.forEach((name, values) -> c.headers.putIfAbsent(name, values));
        c.principal = user;
        attributes.forEach((name, value) -> {
            if (value != null) {
                c.attributes.put(name, value);
            }
        });
        Target target = handlers.targetOf(handler);
        if (subprotocol != null && !subprotocol.isEmpty()) {
            c.subprotocol = subprotocol;
            if (opening.event.stomp == null) {
                opening.answer.header("Ws-Subprotocol", subprotocol);
            }
        }
        try {
            opening.accept(c, target, servlet(request));
        } catch (Refusal e) {
            refuse(response, e);
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new HandshakeFailureException(target.name() + " failed", e);
        }
    }

    private static void refuse(ServerHttpResponse response, Refusal refusal) {
        HttpServletResponse servlet = ((ServletServerHttpResponse) response).getServletResponse();
        Answer answer = refusal.answer();
        servlet.setStatus(answer.status());
        answer.headers().forEach(servlet::setHeader);
        try {
            servlet.getOutputStream().write(answer.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Opening opening(ServerHttpRequest request) {
        HttpServletRequest servlet = servlet(request);
        return servlet == null ? null : Opening.of(servlet);
    }

    private static HttpServletRequest servlet(ServerHttpRequest request) {
        return request instanceof ServletServerHttpRequest ? ((ServletServerHttpRequest) request).getServletRequest() : null;
    }
}
