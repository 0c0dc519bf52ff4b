package io.wsidecar.servlet;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Event;
import io.wsidecar.core.Log;
import io.wsidecar.core.Target;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.servlet.FilterChain;
import javax.servlet.ServletException;
import javax.servlet.http.HttpFilter;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/**
 * Takes wsidecar's events out of the application's requests. A connect event goes on as the GET that the client sent, through every filter
 * behind this one; other events go to their handler at once: who may connect was said then, and the signature says that they are real. Events of
 * paths where no handler is are for the application's own controllers.
 */
public final class EventFilter extends HttpFilter {
    private static final long serialVersionUID = 1;
    static final int LARGEST_BODY = 16 << 20;
    private static final AtomicBoolean FORGERY_TOLD = new AtomicBoolean();

    @Override
    protected void doFilter(HttpServletRequest http, HttpServletResponse out, FilterChain chain) throws IOException, ServletException {
        Application application = Application.in(getServletContext());
        if (application == null || !"POST".equals(http.getMethod()) || !Event.claimed(http::getHeader)) {
            chain.doFilter(http, out);
            return;
        }
        byte[] body = read(http.getInputStream());
        if (body == null || !application.sidecar.signatures.signed(http.getHeader("webhook-id"), http.getHeader("webhook-timestamp"),
                http.getHeader("webhook-signature"), http.getHeader("ce-id"), body, System.currentTimeMillis() / 1000)) {
            if (FORGERY_TOLD.compareAndSet(false, true)) {
                Log.warn("a request that says it is an event of wsidecar is not signed with wsidecar.signing-secret: 403. Is it the same as "
                    + "app.signing_secret in wsidecar.yaml?");
            }
            say(out, HttpServletResponse.SC_FORBIDDEN, "not signed by wsidecar\n");
            return;
        }
        Event event = Event.parse(http::getHeader, Collections.list(http.getHeaderNames()), body);
        if (event == null) {
            say(out, HttpServletResponse.SC_BAD_REQUEST, "no event of wsidecar\n");
            return;
        }
        Connection c = Requests.connection(event, http);
        Target target = application.events.targetOf(c);
        if (target == null) {
            chain.doFilter(new BufferedRequest(http, body), out);
        } else if (event.type == Event.Type.CONNECT) {
            connect(new Opening(application, event), http, out, chain);
        } else {
            Response response = new Response(out);
            // Whether a client may subscribe is not said before its handler has said it.
            Runnable early = event.type == Event.Type.MESSAGE ? response::early : null;
            response.write(application.sidecar.recent.handle(event, () -> application.handle(event, http, c, target, early)));
        }
    }

    /** The server ends this application: its HTTP sessions end with it. */
    @Override
    public void destroy() {
        Application application = Application.in(getServletContext());
        if (application != null) {
            application.logins.stop();
        }
    }

    private static void connect(Opening opening, HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        boolean endpoint = opening.application.routes.isEndpoint(opening.connection(request).path());
        opening.into(request);
        HeldResponse held = new HeldResponse(response);
        Exception[] failure = new Exception[1];
        boolean[] mine = new boolean[1];
        Answer answer = opening.application.sidecar.recent.handle(opening.event, () -> {
            mine[0] = true;
            try {
                chain.doFilter(new Handshake(request, opening.event, !endpoint), held);
            } catch (IOException | ServletException | RuntimeException e) {
                failure[0] = e;
                return null;
            }
            return opening.accepted() ? accepted(opening, held) : new Answer().status(held.getStatus()).end();
        });
        rethrow(failure[0]);
        if (!mine[0] || opening.accepted()) {
            held.forget();
            new Response(response).write(answer);
        } else if (held.getStatus() < 300) {
            held.forget();
            Log.warn("nothing has accepted the connection to " + opening.event.subject + ": is a WebSocket handler at this path?");
            say(response, HttpServletResponse.SC_NOT_FOUND, "no WebSocket is here\n");
        } else {
            held.release();
        }
    }

    /** Filters, interceptors and Configurators may have named a subprotocol by themselves: where it is a token, this is how clients hear that it was taken. */
    private static Answer accepted(Opening opening, HttpServletResponse response) {
        String own = response.getHeader("Sec-WebSocket-Protocol");
        if (own != null && !opening.answer.headers().containsKey("Ws-Subprotocol")) {
            opening.answer.header("Ws-Subprotocol", own.trim());
        }
        return opening.answer.end();
    }

    private static void rethrow(Exception failure) throws IOException, ServletException {
        if (failure instanceof IOException) {
            throw (IOException) failure;
        } else if (failure instanceof ServletException) {
            throw (ServletException) failure;
        } else if (failure instanceof RuntimeException) {
            throw (RuntimeException) failure;
        }
    }

    /** Without sendError: Spring Security answers its /error with a login page. */
    private static void say(HttpServletResponse response, int status, String words) throws IOException {
        response.setStatus(status);
        response.setContentType("text/plain;charset=utf-8");
        response.getOutputStream().write(words.getBytes(StandardCharsets.UTF_8));
    }

    /** Null: it is too long. */
    private static byte[] read(InputStream in) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] some = new byte[8192];
        for (int n = in.read(some); n >= 0; n = in.read(some)) {
            out.write(some, 0, n);
            if (out.size() > LARGEST_BODY) {
                return null;
            }
        }
        return out.toByteArray();
    }
}
