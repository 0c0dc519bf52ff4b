package io.wsidecar.servlet;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Log;
import java.io.IOException;
import java.util.Map;
import javax.servlet.http.HttpServletResponse;

/** The response to one event, which is written once: by the handler's thread, or before it by the one that looks after slow handlers. */
final class Response {
    private final HttpServletResponse http;
    private boolean written;

    Response(HttpServletResponse http) {
        this.http = http;
    }

    /** While the handler is still at work. The server reads no other request from this connection before it returns, so the connection ends here. */
    synchronized void early() {
        if (written) {
            return;
        }
        written = true;
        http.setStatus(HttpServletResponse.SC_NO_CONTENT);
        http.setHeader("Connection", "close");
        try {
            http.flushBuffer();
        } catch (IOException | RuntimeException e) {
            Log.warn("an event could not be answered before its handler has returned", e);
        }
    }

    synchronized void write(Answer answer) throws IOException {
        if (written) {
            return;
        }
        written = true;
        byte[] body = answer.body();
        http.setStatus(answer.status() == HttpServletResponse.SC_OK && body.length == 0 ? HttpServletResponse.SC_NO_CONTENT : answer.status());
        for (Map.Entry<String, String> header : answer.headers().entrySet()) {
            http.setHeader(header.getKey(), header.getValue());
        }
        if (body.length > 0) {
            http.setContentLength(body.length);
            http.getOutputStream().write(body);
        }
    }
}
