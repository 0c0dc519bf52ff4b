package io.wsidecar.spring;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Target;
import io.wsidecar.core.Unkept;
import io.wsidecar.servlet.Application;
import io.wsidecar.servlet.Routes;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import javax.servlet.ServletContext;
import javax.servlet.ServletRegistration;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.util.AntPathMatcher;
import org.springframework.util.ClassUtils;
import org.springframework.util.ReflectionUtils;
import org.springframework.web.socket.SubProtocolCapable;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.handler.BeanCreatingHandlerProvider;
import org.springframework.web.socket.handler.PerConnectionWebSocketHandler;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.servlet.handler.SimpleUrlHandlerMapping;
import org.springframework.web.socket.server.HandshakeHandler;
import org.springframework.web.socket.server.HandshakeInterceptor;
import org.springframework.web.socket.server.RequestUpgradeStrategy;
import org.springframework.web.socket.server.support.AbstractHandshakeHandler;
import org.springframework.web.socket.server.support.DefaultHandshakeHandler;
import org.springframework.web.socket.server.support.OriginHandshakeInterceptor;
import org.springframework.web.socket.server.support.WebSocketHttpRequestHandler;
import org.springframework.web.socket.sockjs.SockJsService;
import org.springframework.web.socket.sockjs.support.SockJsHttpRequestHandler;
import org.springframework.web.socket.sockjs.transport.TransportHandler;
import org.springframework.web.socket.sockjs.transport.TransportHandlingSockJsService;
import org.springframework.web.socket.sockjs.transport.handler.WebSocketTransportHandler;
import org.springframework.web.util.UriUtils;
import org.springframework.web.util.UrlPathHelper;

/** The WebSocket handlers that the application has registered with Spring, by path. */
public final class SpringHandlers {
    private static final Field STRATEGY = ReflectionUtils.findField(AbstractHandshakeHandler.class, "requestUpgradeStrategy");
    private static final Field PROVIDER = ReflectionUtils.findField(PerConnectionWebSocketHandler.class, "provider");
    private final Application application;
    private final AntPathMatcher matcher = new AntPathMatcher();
    private final Map<String, WebSocketHandler> byPattern = new LinkedHashMap<>();
    private final Map<String, SockJsHandshake> sockJs = new LinkedHashMap<>();
    private final Map<WebSocketHandler, Target> targets = new IdentityHashMap<>();
    private final List<Function<WebSocketHandler, Target>> kinds = new CopyOnWriteArrayList<>();
    private final ServletContext context;

    public SpringHandlers(Application application, ServletContext context) {
        this.application = application;
        this.context = context;
        application.add(this::find);
    }

    /** Handlers that are not given messages as they are. The function answers null for others. */
    public void kind(Function<WebSocketHandler, Target> kind) {
        kinds.add(kind);
    }

    /** Looks through one mapping; others are left as they are. */
    public void take(SimpleUrlHandlerMapping mapping) {
        for (Map.Entry<String, Object> e : new LinkedHashMap<>(mapping.getHandlerMap()).entrySet()) {
            Object handler = e.getValue();
            if (handler instanceof WebSocketHttpRequestHandler) {
                WebSocketHttpRequestHandler http = (WebSocketHttpRequestHandler) handler;
                add(e.getKey(), http.getWebSocketHandler(), http.getHandshakeHandler(), http.getHandshakeInterceptors(), false);
            } else if (handler instanceof SockJsHttpRequestHandler) {
                takeSockJs(mapping, e.getKey(), (SockJsHttpRequestHandler) handler);
            }
        }
    }

    /** wsidecar speaks SockJS itself: what is left of it here is the handshake. */
    private void takeSockJs(SimpleUrlHandlerMapping mapping, String pattern, SockJsHttpRequestHandler handler) {
        SockJsService service = handler.getSockJsService();
        if (!(service instanceof TransportHandlingSockJsService)) {
            application.routes.remark(service.getClass().getName() + " at " + pattern + ": a SockJsService of the application's own is not used; "
                + "wsidecar speaks SockJS itself");
            return;
        }
        TransportHandlingSockJsService its = (TransportHandlingSockJsService) service;
        HandshakeHandler handshake = null;
        for (TransportHandler transport : its.getTransportHandlers().values()) {
            handshake = transport instanceof HandshakeHandler ? (HandshakeHandler) transport : handshake;
            if (transport instanceof WebSocketTransportHandler) {
                handshake = ((WebSocketTransportHandler) transport).getHandshakeHandler();
            }
        }
        if (handshake == null) {
            handshake = new DefaultHandshakeHandler();
        }
        sockJs.put(pattern, new SockJsHandshake(new WebSocketHttpRequestHandler(handler.getWebSocketHandler(), handshake), its));
        add(pattern, handler.getWebSocketHandler(), handshake, its.getHandshakeInterceptors(), true);
    }

    /** Null: none speaks SockJS here. @param through whether the client has come through SockJS's paths; else the same path without SockJS is before it */
    public WebSocketHttpRequestHandler sockJs(String path, boolean through) {
        String pattern = through || !byPattern.containsKey(path) ? best(path, sockJs.keySet()) : null;
        return pattern == null ? null : sockJs.get(pattern).handler();
    }

    private static final class SockJsHandshake {
        private final WebSocketHttpRequestHandler handler;
        private final TransportHandlingSockJsService service;

        SockJsHandshake(WebSocketHttpRequestHandler handler, TransportHandlingSockJsService service) {
            this.handler = handler;
            this.service = service;
        }

        /** With the service's interceptors of now: spring-security-messaging gives it one more after the library has looked at it. */
        synchronized WebSocketHttpRequestHandler handler() {
            if (!handler.getHandshakeInterceptors().equals(service.getHandshakeInterceptors())) {
                handler.setHandshakeInterceptors(new ArrayList<>(service.getHandshakeInterceptors()));
            }
            return handler;
        }
    }

    private void add(String pattern, WebSocketHandler handler, HandshakeHandler handshake, List<HandshakeInterceptor> interceptors, boolean sockJsToo) {
        byPattern.put(pattern, handler);
        replace(handshake);
        Target target = targetOf(handler);
        if (target.shared()) {
            application.shareable();
        }
        Map<String, String> route = new LinkedHashMap<>();
        if (target instanceof Described) {
            ((Described) target).describe(route);
        }
        if (sockJsToo) {
            route.put(route.containsKey("protocol") ? "sockjs" : "protocol", route.containsKey("protocol") ? "true" : "sockjs");
        }
        Set<String> subprotocols = new LinkedHashSet<>();
        if (!route.containsKey("protocol") || route.get("protocol").equals("raw")) {
            WebSocketHandler raw = WebSocketHandlerDecorator.unwrap(handler);
            if (raw instanceof SubProtocolCapable) {
                subprotocols.addAll(((SubProtocolCapable) raw).getSubProtocols());
            }
        }
        if (!subprotocols.isEmpty()) {
            route.put("subprotocols", Routes.list(subprotocols));
        }
        String path = prefix() + Routes.pattern(sockJsToo && pattern.endsWith("/**") ? pattern.substring(0, pattern.length() - 3) : pattern);
        for (HandshakeInterceptor one : interceptors) {
            if (one instanceof OriginHandshakeInterceptor) {
                origins(route, ((OriginHandshakeInterceptor) one).getAllowedOrigins(), ((OriginHandshakeInterceptor) one).getAllowedOriginPatterns());
            }
        }
        note(WebSocketHandlerDecorator.unwrap(handler), route);
        application.routes.add(path, route);
    }

    private void origins(Map<String, String> route, Collection<String> origins, Collection<String> patterns) {
        Set<String> all = new LinkedHashSet<>(origins);
        boolean any = all.contains("*") || patterns.contains("*") || patterns.stream().anyMatch(p -> p.contains("*"));
        all.addAll(patterns);
        if (any) {
            route.put("origins", "\"*\"");
        } else if (!all.isEmpty()) {
            route.put("origins", Routes.list(all));
        }
    }

    private void note(WebSocketHandler handler, Map<String, String> route) {
        if (handler.supportsPartialMessages()) {
            application.routes.remark(Unkept.place(classOf(handler), "supportsPartialMessages") + " returns true, and each message comes whole");
        }
        application.routes.unkept(classOf(handler), 0, route);
    }

    private static Class<?> classOf(WebSocketHandler handler) {
        BeanCreatingHandlerProvider<?> provider = null;
        if (handler instanceof PerConnectionWebSocketHandler && PROVIDER != null) {
            ReflectionUtils.makeAccessible(PROVIDER);
            provider = (BeanCreatingHandlerProvider<?>) ReflectionUtils.getField(PROVIDER, handler);
        }
        return provider == null ? ClassUtils.getUserClass(AopProxyUtils.ultimateTargetClass(handler)) : provider.getHandlerType();
    }

    /** The place that the server's own strategy has in a handshake handler; its other settings stay. */
    private void replace(HandshakeHandler handshake) {
        if (!(handshake instanceof AbstractHandshakeHandler)) {
            replaceWithin(handshake);
            return;
        }
        if (STRATEGY == null) {
            return;
        }
        ReflectionUtils.makeAccessible(STRATEGY);
        Object now = ReflectionUtils.getField(STRATEGY, handshake);
        if (!(now instanceof SidecarUpgradeStrategy)) {
            ReflectionUtils.setField(STRATEGY, handshake,
                new SidecarUpgradeStrategy((RequestUpgradeStrategy) now, this));
        }
    }

    /** Most of those that extend nothing ask one of Spring's, which they have as a field. */
    private void replaceWithin(HandshakeHandler handshake) {
        boolean[] found = new boolean[1];
        ReflectionUtils.doWithFields(AopProxyUtils.ultimateTargetClass(handshake), field -> {
            ReflectionUtils.makeAccessible(field);
            Object its = ReflectionUtils.getField(field, handshake);
            if (its instanceof AbstractHandshakeHandler) {
                replace((HandshakeHandler) its);
                found[0] = true;
            }
        }, field -> HandshakeHandler.class.isAssignableFrom(field.getType()));
        if (!found[0]) {
            application.routes.remark(handshake.getClass().getName() + ": a HandshakeHandler that does not extend AbstractHandshakeHandler, and has none as a field, decides about "
                + "handshakes in its own way, and wsidecar's connections cannot come through it");
        }
    }

    /** What describes its route itself. */
    public interface Described {
        void describe(Map<String, String> route);
    }

    synchronized Target targetOf(WebSocketHandler handler) {
        return targets.computeIfAbsent(handler, h -> {
            for (Function<WebSocketHandler, Target> kind : kinds) {
                Target special = kind.apply(h);
                if (special != null) {
                    return special;
                }
            }
            return new HandlerTarget(h);
        });
    }

    private Target find(Connection c) {
        String path = UrlPathHelper.defaultInstance.removeSemicolonContent(c.path());
        try {
            path = UriUtils.decode(path, "UTF-8");
        } catch (IllegalArgumentException e) {
            return null;
        }
        String prefix = prefix();
        if (!path.startsWith(prefix)) {
            return null;
        }
        String its = path.substring(prefix.length());
        String pattern = c.sockJs ? best(its, sockJs.keySet()) : null;
        pattern = pattern == null ? best(its, byPattern.keySet()) : pattern;
        return pattern == null ? null : targetOf(byPattern.get(pattern));
    }

    /** The most specific of these patterns; null: none matches. */
    private String best(String path, Set<String> patterns) {
        if (patterns.contains(path)) {
            return path;
        }
        List<String> matching = new ArrayList<>();
        for (String pattern : patterns) {
            if (matcher.match(pattern, path)) {
                matching.add(pattern);
            }
        }
        matching.sort(matcher.getPatternComparator(path));
        return matching.isEmpty() ? null : matching.get(0);
    }

    /** The context path, and the DispatcherServlet's where it has one. */
    private String prefix() {
        String servlet = "";
        for (ServletRegistration one : registrations()) {
            if (one.getClassName() != null && one.getClassName().endsWith(".DispatcherServlet")) {
                for (String mapping : one.getMappings()) {
                    if (mapping.endsWith("/*") && mapping.length() > 2) {
                        servlet = mapping.substring(0, mapping.length() - 2);
                    }
                }
            }
        }
        return context.getContextPath() + servlet;
    }

    private Collection<? extends ServletRegistration> registrations() {
        try {
            return context.getServletRegistrations().values();
        } catch (UnsupportedOperationException e) {
            return Collections.emptyList();  // a root context that the application's code made; its dispatcher is at / as far as can be seen
        }
    }
}
