package io.wsidecar.stomp;

import io.wsidecar.core.Unkept;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.Routes;
import io.wsidecar.spring.Refusal;
import io.wsidecar.spring.SpringHandlers;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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
import org.springframework.messaging.simp.broker.DefaultSubscriptionRegistry;
import org.springframework.messaging.simp.broker.SimpleBrokerMessageHandler;
import org.springframework.messaging.simp.user.DefaultUserDestinationResolver;
import org.springframework.messaging.simp.user.UserDestinationMessageHandler;
import org.springframework.messaging.simp.user.UserDestinationResolver;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.AbstractSubscribableChannel;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.messaging.support.ImmutableMessageChannelInterceptor;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketMessage;
import org.springframework.web.socket.WebSocketSession;
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
            notePatterns(simple);
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

    private void notePatterns(SimpleBrokerMessageHandler simple) {
        if (simple.getSubscriptionRegistry() instanceof DefaultSubscriptionRegistry
                && !((DefaultSubscriptionRegistry) simple.getSubscriptionRegistry()).getPathMatcher().match("/a*", "/ab.c")) {
            application.routes.remark("setPathMatcher: in clients' subscriptions to patterns, `*` stands for what is between two slashes, dots included");
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
        DestinationBroker destinations = new DestinationBroker(application.sidecar, it.brokerPrefixes, it.userPrefix, target::isSubscribing);
        it.broker.subscribe(destinations);
        it.inbound.subscribe(destinations);  // what clients SEND straight to a broker or user destination, behind the interceptors
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
            if (h.getClass().getName().startsWith("org.springframework.session.")) {
                closeWithSessions();
            } else if (SessionDecorators.isOfApplication(h) && overrides(h.getClass(), "handleMessage")) {
                application.routes.remark(Unkept.place(h.getClass(), "handleMessage") + " of a WebSocketHandlerDecorator of STOMP connections is not called, because "
                    + "wsidecar reads the frames; a ChannelInterceptor of the inbound channel sees each of them");
            }
        }
        if (SessionDecorators.end(handler)) {
            target.decorated(handler);
        }
        return target;
    }

    private static boolean overrides(Class<?> decorator, String method) {
        Method its = ReflectionUtils.findMethod(decorator, method, WebSocketSession.class, WebSocketMessage.class);
        return its != null && its.getDeclaringClass() != WebSocketHandlerDecorator.class;
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

    /** Without application prefixes, each method's own destination is one. True: some are the broker's too. */
    private boolean destinations(Collection<String> all) {
        boolean shared = false;
        for (SimpAnnotationMethodMessageHandler methods : context.getBeansOfType(SimpAnnotationMethodMessageHandler.class).values()) {
            for (SimpMessageMappingInfo info : methods.getHandlerMethods().keySet()) {
                for (String pattern : info.getDestinationConditions().getPatterns()) {
                    String fixed = pattern.startsWith("/") ? pattern : "/" + pattern;
                    Matcher variable = VARIABLE.matcher(fixed);
                    fixed = variable.find() ? fixed.substring(0, fixed.lastIndexOf('/', variable.start())) : fixed;
                    if (fixed.length() < 2) {
                        application.routes.remark("configureMessageBroker without setApplicationDestinationPrefixes, and a method for " + pattern
                            + ": wsidecar sends to the application what stands behind a prefix; give it one, as /app");
                    } else if (isOfBroker(fixed + "/")) {
                        shared = true;
                    } else {
                        all.add(fixed);
                    }
                }
            }
        }
        return shared;
    }

    private boolean isOfBroker(String front) {
        return userPrefix.startsWith(front) || front.startsWith(userPrefix)
            || brokerPrefixes.stream().anyMatch(p -> (p + "/").startsWith(front) || front.startsWith(p + "/"));
    }

    /** As the broker was told: without a TaskScheduler it has none, and asks clients for none. */
    private String heartbeat(int which) {
        for (SimpleBrokerMessageHandler simple : context.getBeansOfType(SimpleBrokerMessageHandler.class).values()) {
            long[] value = simple.getHeartbeatValue();
            return value == null ? "0s" : value[which] % 1000 == 0 ? value[which] / 1000 + "s" : value[which] + "ms";
        }
        return "0s";
    }

    void describe(Map<String, String> route) {
        Map<String, String> lines = new LinkedHashMap<>();
        lines.put("protocol", "stomp");
        Set<String> toApp = new TreeSet<>(appPrefixes);
        boolean through = appPrefixes.isEmpty() && destinations(toApp);
        for (ChannelInterceptor one : inbound.getInterceptors()) {
            through |= !(one instanceof ImmutableMessageChannelInterceptor);
        }
        Set<String> toBroker = new LinkedHashSet<>(brokerPrefixes);
        if (!application.contextPath().isEmpty()) {
            toBroker.addAll(toApp);  // what is the broker's too is sent to the route's own path, which is below the context path
        }
        String users = userPrefix.substring(0, userPrefix.length() - 1);
        if (through) {  // what clients SEND straight to the broker passes the inbound channel, and from there goes to the broker
            toApp.addAll(brokerPrefixes);
            toApp.add(users);
        }
        lines.put("app_prefixes", Routes.list(toApp));
        lines.put("broker_prefixes", Routes.list(toBroker));
        lines.put("user_prefix", Routes.quoted(users));
        lines.put("broadcast", String.valueOf(!through));
        lines.put("on_reject", "close");
        lines.put("heartbeat", "[" + heartbeat(0) + ", " + heartbeat(1) + "]");
        if (messageLimit != SPRINGS_LIMIT && messageLimit > 0) {
            lines.put("limits", "{message: " + Math.min(messageLimit, Routes.LARGEST_LIMIT) + "}");
        }
        route.putAll(lines);
    }
}
