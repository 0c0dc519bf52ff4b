package io.wsidecar.stomp;

import io.wsidecar.core.Unkept;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.Routes;
import io.wsidecar.spring.Refusal;
import io.wsidecar.spring.SpringHandlers;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHandler;
import org.springframework.messaging.simp.SimpMessageMappingInfo;
import org.springframework.messaging.simp.annotation.support.SimpAnnotationMethodMessageHandler;
import org.springframework.messaging.simp.broker.SimpleBrokerMessageHandler;
import org.springframework.messaging.simp.user.DefaultUserDestinationResolver;
import org.springframework.messaging.simp.user.UserDestinationMessageHandler;
import org.springframework.messaging.simp.user.UserDestinationResolver;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.AbstractSubscribableChannel;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.messaging.support.ImmutableMessageChannelInterceptor;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.socket.messaging.StompSubProtocolErrorHandler;
import org.springframework.web.socket.messaging.StompSubProtocolHandler;
import org.springframework.web.socket.messaging.SubProtocolHandler;
import org.springframework.web.socket.messaging.SubProtocolWebSocketHandler;

/** An application of @EnableWebSocketMessageBroker: its channels stay, wsidecar stands where the simple broker and the STOMP sessions stood. */
public final class StompSupport {
    private static final Pattern VARIABLE = Pattern.compile("[{*?]");
    /** The messageSizeLimit that is not set. */
    private static final int SPRINGS_LIMIT = 64 << 10;
    private final Application application;
    private final ApplicationContext context;
    final AbstractSubscribableChannel inbound;
    final AbstractSubscribableChannel outbound;
    private final AbstractSubscribableChannel broker;
    private final List<String> brokerPrefixes = new ArrayList<>();
    private final List<String> appPrefixes = new ArrayList<>();
    private String userPrefix = "/user/";
    private int messageLimit;
    private boolean sessionEnds;
    private StompSubProtocolErrorHandler errorHandler;

    private StompSupport(Application application, ApplicationContext context) {
        this.application = application;
        this.context = context;
        inbound = context.getBean("clientInboundChannel", AbstractSubscribableChannel.class);
        outbound = context.getBean("clientOutboundChannel", AbstractSubscribableChannel.class);
        broker = context.getBean("brokerChannel", AbstractSubscribableChannel.class);
        for (SimpleBrokerMessageHandler simple : context.getBeansOfType(SimpleBrokerMessageHandler.class).values()) {
            add(brokerPrefixes, simple.getDestinationPrefixes());
        }
        for (SimpAnnotationMethodMessageHandler methods : context.getBeansOfType(SimpAnnotationMethodMessageHandler.class).values()) {
            add(appPrefixes, methods.getDestinationPrefixes());
        }
        for (UserDestinationResolver resolver : context.getBeansOfType(UserDestinationResolver.class).values()) {
            if (resolver instanceof DefaultUserDestinationResolver) {
                userPrefix = ((DefaultUserDestinationResolver) resolver).getDestinationPrefix();
            }
        }
    }

    private static void add(List<String> to, Collection<String> prefixes) {
        for (String p : prefixes) {
            to.add(p.endsWith("/") && p.length() > 1 ? p.substring(0, p.length() - 1) : p);
        }
    }

    public static void install(Application application, SpringHandlers handlers, ApplicationContext context) {
        if (!context.containsBean("clientInboundChannel") || context.getBeansOfType(SimpleBrokerMessageHandler.class).isEmpty()) {
            if (context.containsBean("clientInboundChannel")) {
                application.routes.remark("enableStompBrokerRelay: the application keeps its endpoint and its relay; wsidecar's `http: pass` takes its "
                    + "connections there, and wsidecar's setting `relay` can be the broker");
            }
            return;
        }
        StompSupport it = new StompSupport(application, context);
        StompTarget target = new StompTarget(it, application, context);
        it.noteOutbound();
        handlers.kind(handler -> WebSocketHandlerDecorator.unwrap(handler) instanceof SubProtocolWebSocketHandler ? it.noted(handler, target) : null);
        DestinationBroker destinations = new DestinationBroker(application.sidecar, it.brokerPrefixes, it.userPrefix);
        it.broker.subscribe(destinations);
        it.outbound.subscribe(target::outbound);
        ApplicationListener<ContextRefreshedEvent> refreshed = event -> it.takePlace();
        ((ConfigurableApplicationContext) context).addApplicationListener(refreshed);
    }

    /** The simple broker has started and subscribed. */
    private void takePlace() {
        List<MessageHandler> replaced = new ArrayList<>(context.getBeansOfType(SimpleBrokerMessageHandler.class).values());
        replaced.addAll(context.getBeansOfType(UserDestinationMessageHandler.class).values());
        for (MessageHandler handler : replaced) {
            inbound.unsubscribe(handler);
            broker.unsubscribe(handler);
        }
    }

    private void closeWithSessions() {
        if (!sessionEnds) {
            sessionEnds = true;
            ((ConfigurableApplicationContext) context).addApplicationListener(new SessionEnds(application.logins));
        }
    }

    private StompTarget noted(WebSocketHandler handler, StompTarget target) {
        for (SubProtocolHandler one : ((SubProtocolWebSocketHandler) WebSocketHandlerDecorator.unwrap(handler)).getProtocolHandlers()) {
            if (one instanceof StompSubProtocolHandler) {
                note((StompSubProtocolHandler) one);
            }
        }
        for (WebSocketHandler h = handler; h instanceof WebSocketHandlerDecorator; h = ((WebSocketHandlerDecorator) h).getDelegate()) {
            String name = h.getClass().getName();
            if (name.startsWith("org.springframework.session.")) {
                closeWithSessions();
            } else if (!name.startsWith("org.springframework.")) {
                application.routes.remark(name + ": a WebSocketHandlerDecorator of STOMP connections is not called, because wsidecar speaks "
                    + "STOMP; SessionConnectedEvent and SessionDisconnectEvent say who comes and goes");
            }
        }
        return target;
    }

    /** What the client is told of an exception that a frame of its caused, in the ERROR that Spring would send. Null: it is told nothing, and goes on. */
    Refusal refusal(Message<byte[]> frame, Throwable e, int status) {
        if (errorHandler == null) {
            Map<String, String> words = e.getMessage() == null ? Collections.emptyMap() : Collections.singletonMap("message", e.getMessage());
            return new Refusal(status, e.getMessage(), words, null, new byte[0]);
        }
        Message<byte[]> error = errorHandler.handleClientMessageProcessingError(frame, e);
        return error == null ? null : refusal(error, status);
    }

    /** An ERROR that the application sends itself. */
    Refusal error(Message<byte[]> error) {
        Message<byte[]> its = errorHandler == null ? error : errorHandler.handleErrorMessageToClient(error);
        return refusal(its == null ? error : its, StompTarget.FORBIDDEN);
    }

    private static Refusal refusal(Message<byte[]> error, int status) {
        StompHeaderAccessor accessor = StompHeaderAccessor.wrap(error);
        Map<String, String> words = new LinkedHashMap<>();
        accessor.toNativeHeaderMap().forEach((name, values) -> {
            if (!values.isEmpty() && values.get(0) != null && !name.equals("content-type") && !name.equals("content-length")) {
                words.put(name, values.get(0));
            }
        });
        String type = accessor.getContentType() == null ? null : accessor.getContentType().toString();
        return new Refusal(status, accessor.getMessage(), words, type, error.getPayload());
    }

    private void note(StompSubProtocolHandler stomp) {
        errorHandler = errorHandler == null ? stomp.getErrorHandler() : errorHandler;
        messageLimit = Math.max(messageLimit, stomp.getMessageSizeLimit());
        if (stomp.getErrorHandler() != null && !stomp.getErrorHandler().getClass().getName().startsWith("org.springframework.")) {
            application.routes.remark(Unkept.place(stomp.getErrorHandler().getClass()) + ": a StompSubProtocolErrorHandler is called for exceptions of "
                + "interceptors, and its ERROR frame is sent, with at most 4 KiB of headers and of body. It is not called for frames that are no STOMP: "
                + "wsidecar answers them itself");
        }
    }

    /** Interceptors of the outbound channel see what a method answers to one session, and not what is sent to destinations. */
    private void noteOutbound() {
        for (ChannelInterceptor one : outbound.getInterceptors()) {
            if (!one.getClass().getName().startsWith("org.springframework.")) {
                application.routes.remark(Unkept.place(one.getClass()) + ": a ChannelInterceptor of the outbound channel does not see MESSAGE frames of broker and "
                    + "user destinations, because wsidecar makes them, one for each subscriber. Change or hold back what is sent before it is sent, or in "
                    + "an interceptor of the broker channel, which sees each message once");
            }
        }
    }

    /** Without application prefixes, each method's own destination is one, unless what stands before its variables is the broker's. Nothing: it cannot be. */
    private Collection<String> destinations() {
        Set<String> all = new TreeSet<>();
        for (SimpAnnotationMethodMessageHandler methods : context.getBeansOfType(SimpAnnotationMethodMessageHandler.class).values()) {
            for (SimpMessageMappingInfo info : methods.getHandlerMethods().keySet()) {
                for (String pattern : info.getDestinationConditions().getPatterns()) {
                    String fixed = pattern.startsWith("/") ? pattern : "/" + pattern;
                    Matcher variable = VARIABLE.matcher(fixed);
                    fixed = variable.find() ? fixed.substring(0, fixed.lastIndexOf('/', variable.start())) : fixed;
                    String front = fixed + "/";
                    if (fixed.length() < 2 || brokerPrefixes.stream().anyMatch(p -> (p + "/").startsWith(front)) || userPrefix.startsWith(front)) {
                        return Collections.emptyList();
                    }
                    all.add(fixed);
                }
            }
        }
        return all;
    }

    void describe(Map<String, String> route) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("protocol", "stomp");
        Collection<String> toMethods = appPrefixes.isEmpty() ? destinations() : appPrefixes;
        if (toMethods.isEmpty()) {
            application.routes.remark("configureMessageBroker without setApplicationDestinationPrefixes: wsidecar sends to the application what stands "
                + "behind a prefix; give it one, as /app");
        } else {
            lines.put("app_prefixes", Routes.list(toMethods));
        }
        lines.put("broker_prefixes", Routes.list(brokerPrefixes));
        lines.put("user_prefix", Routes.quoted(userPrefix.substring(0, userPrefix.length() - 1)));
        boolean watched = false;
        for (ChannelInterceptor one : inbound.getInterceptors()) {
            watched |= !(one instanceof ImmutableMessageChannelInterceptor);
        }
        lines.put("broadcast", String.valueOf(!watched));
        if (watched) {
            application.routes.remark("clients' SEND to " + brokerPrefixes + " does not pass the ChannelInterceptors of the inbound channel, so the route has "
                + "broadcast: false, and wsidecar refuses it; `broadcast: true` allows it for all who are connected");
        }
        lines.put("on_reject", "close");
        if (messageLimit != SPRINGS_LIMIT && messageLimit > 0) {
            lines.put("limits", "{message: " + Math.min(messageLimit, Routes.LARGEST_LIMIT) + "}");
        }
        route.putAll(lines);
    }
}
