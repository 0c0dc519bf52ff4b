package io.wsidecar.stomp;

import io.wsidecar.spring.SidecarWebSocketSession;
import java.lang.reflect.Field;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketMessage;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.socket.handler.WebSocketSessionDecorator;

/** The application's own WebSocketHandlerDecorators of STOMP connections: they are told of sessions that open and end. */
final class SessionDecorators {
    private static final Field DELEGATE = ReflectionUtils.findField(WebSocketHandlerDecorator.class, "delegate");

    private SessionDecorators() {}

    static boolean isOfApplication(WebSocketHandler decorator) {
        return !decorator.getClass().getName().startsWith("org.springframework.");
    }

    /** Puts an end to the chain, in front of what would speak STOMP. False: the application has no decorators. */
    static boolean end(WebSocketHandler handler) {
        boolean own = false;
        WebSocketHandlerDecorator last = null;
        for (WebSocketHandler h = handler; h instanceof WebSocketHandlerDecorator; h = last.getDelegate()) {
            last = (WebSocketHandlerDecorator) h;
            own |= isOfApplication(h) && !(h instanceof End);
        }
        if (own && DELEGATE != null && !(last instanceof End)) {
            ReflectionUtils.makeAccessible(DELEGATE);
            ReflectionUtils.setField(DELEGATE, last, new End(last.getDelegate()));
        }
        return own;
    }

    private static final class End extends WebSocketHandlerDecorator {
        End(WebSocketHandler original) {
            super(original);
        }

        private static boolean isSidecars(WebSocketSession session) {
            return WebSocketSessionDecorator.unwrap(session) instanceof SidecarWebSocketSession;
        }

        @Override
        public void afterConnectionEstablished(WebSocketSession session) throws Exception {
            if (!isSidecars(session)) {
                super.afterConnectionEstablished(session);
            }
        }

        @Override
        public void handleMessage(WebSocketSession session, WebSocketMessage<?> message) throws Exception {
            if (!isSidecars(session)) {
                super.handleMessage(session, message);
            }
        }

        @Override
        public void handleTransportError(WebSocketSession session, Throwable error) throws Exception {
            if (!isSidecars(session)) {
                super.handleTransportError(session, error);
            }
        }

        @Override
        public void afterConnectionClosed(WebSocketSession session, CloseStatus status) throws Exception {
            if (!isSidecars(session)) {
                super.afterConnectionClosed(session, status);
            }
        }
    }
}
