package io.wsidecar.spring;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Event;
import java.io.EOFException;
import java.nio.charset.StandardCharsets;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.web.socket.BinaryMessage;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.TextMessage;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.handler.ExceptionWebSocketHandlerDecorator;
import org.springframework.web.socket.handler.PerConnectionWebSocketHandler;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;

/** A WebSocketHandler of the application, with the decorators that it was registered with. */
final class HandlerTarget extends SpringTarget {
    private static final Log LOG = LogFactory.getLog(HandlerTarget.class);
    private final WebSocketHandler handler;
    private final boolean stateful;

    HandlerTarget(WebSocketHandler handler) {
        this.handler = handler;
        this.stateful = WebSocketHandlerDecorator.unwrap(handler) instanceof PerConnectionWebSocketHandler;
    }

    @Override
    public void open(Object session) {
        SidecarWebSocketSession s = (SidecarWebSocketSession) session;
        try {
            handler.afterConnectionEstablished(s);
        } catch (Exception e) {
            ExceptionWebSocketHandlerDecorator.tryCloseWithError(s, e, LOG);
        } catch (Error e) {
            failed(s, e);
        }
    }

    @Override
    public void message(Object session, Event event, Answer answer) {
        SidecarWebSocketSession s = (SidecarWebSocketSession) session;
        try {
            handler.handleMessage(s, event.binary() ? new BinaryMessage(event.body) : new TextMessage(new String(event.body, StandardCharsets.UTF_8)));
        } catch (Exception e) {
            ExceptionWebSocketHandlerDecorator.tryCloseWithError(s, e, LOG);
        } catch (Error e) {
            failed(s, e);
        }
    }

    /** A server gives an error that is no exception to the handler, and closes the connection. */
    private void failed(SidecarWebSocketSession session, Error error) {
        if (error instanceof VirtualMachineError && !(error instanceof StackOverflowError)) {
            throw error;
        }
        transportError(session, error);
        ExceptionWebSocketHandlerDecorator.tryCloseWithError(session, error, LOG);
    }

    private void transportError(SidecarWebSocketSession session, Throwable error) {
        try {
            handler.handleTransportError(session, error);
        } catch (Exception e) {
            LOG.warn(name() + " failed", e);
        }
    }

    /** A connection that ended without a close frame is an error first, as it is to a server that reads from it. */
    @Override
    public void close(Object session, int code, String reason) throws Exception {
        if (code == LOST) {
            transportError((SidecarWebSocketSession) session, new EOFException("the connection ended without a close frame"));
        }
        handler.afterConnectionClosed((SidecarWebSocketSession) session, new CloseStatus(code, reason == null || reason.isEmpty() ? null : reason));
    }

    @Override
    public boolean stateful() {
        return stateful;
    }

    @Override
    public String name() {
        return WebSocketHandlerDecorator.unwrap(handler).getClass().getName();
    }
}
