package io.wsidecar.servlet;

import javax.servlet.ServletContext;
import javax.websocket.server.ServerContainer;

/** What the application has told the server's own container, as by Spring's ServletServerContainerFactoryBean or context parameters. */
final class Containers {
    private Containers() {}

    /** The largest message that sessions take where nothing else is said, in bytes or characters; 0: there is no container. */
    static int largest(ServletContext context) {
        ServerContainer container = in(context);
        return container == null ? 0 : Math.max(container.getDefaultMaxTextMessageBufferSize(), container.getDefaultMaxBinaryMessageBufferSize());
    }

    /** After how many milliseconds idle sessions end; 0: never. */
    static long idle(ServletContext context) {
        ServerContainer container = in(context);
        return container == null ? 0 : Math.max(container.getDefaultMaxSessionIdleTimeout(), 0);
    }

    private static ServerContainer in(ServletContext context) {
        Object container = context.getAttribute("javax.websocket.server.ServerContainer");
        return container instanceof ServerContainer ? (ServerContainer) container : null;
    }
}
