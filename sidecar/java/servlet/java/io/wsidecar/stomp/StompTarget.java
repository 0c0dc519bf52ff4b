package io.wsidecar.stomp;

import io.wsidecar.core.Answer;
import io.wsidecar.core.Connection;
import io.wsidecar.core.Envelope;
import io.wsidecar.core.Event;
import io.wsidecar.core.Log;
import io.wsidecar.core.Sidecar;
import io.wsidecar.servlet.Application;
import io.wsidecar.spring.Refusal;
import io.wsidecar.spring.SpringHandlers;
import io.wsidecar.spring.SpringTarget;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageDeliveryException;
import org.springframework.messaging.MessagingException;
import org.springframework.messaging.simp.SimpAttributes;
import org.springframework.messaging.simp.SimpAttributesContextHolder;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessageType;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.messaging.support.ImmutableMessageChannelInterceptor;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.WebSocketHandler;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.messaging.SessionConnectEvent;
import org.springframework.web.socket.messaging.SessionConnectedEvent;
import org.springframework.web.socket.messaging.SessionDisconnectEvent;
import org.springframework.web.socket.messaging.SessionSubscribeEvent;
import org.springframework.web.socket.messaging.SessionUnsubscribeEvent;

/** Events of STOMP connections as the messages that Spring's STOMP sessions put into the client inbound channel. */
final class StompTarget extends SpringTarget implements SpringHandlers.Described {
    static final String USERS = "java:user:";
    static final String SUBSCRIPTIONS = "java:subscriptions:";
    static final int UNAUTHORIZED = 401;
    static final int FORBIDDEN = 403;
    private final StompSupport support;
    private final Sidecar sidecar;
    private final ApplicationEventPublisher publisher;
    private final ThreadLocal<Boolean> ofSubscribe = new ThreadLocal<>();
    /** Answers to SUBSCRIBE events that are being handled, by connection and subscription. */
    private final Map<String, Answer> subscribing = new ConcurrentHashMap<>();
    /** The handler with the application's own decorators, behind which nothing is; null: it has none. */
    private volatile WebSocketHandler decorated;

    StompTarget(StompSupport support, Application application, ApplicationEventPublisher publisher) {
        this.support = support;
        this.sidecar = application.sidecar;
        this.publisher = publisher;
    }

    @Override
    public void describe(Map<String, String> route) {
        support.describe(route);
    }

    /** Whether this thread handles a SUBSCRIBE. */
    boolean isSubscribing() {
        return ofSubscribe.get() != null;
    }

    void decorated(WebSocketHandler handler) {
        decorated = handler;
    }

    /** The CONNECT frame, with what the interceptors of the inbound channel say to it. */
    @Override
    public void open(Object session) throws Exception {
        Connection c = connection(session);
        Event event = c.opening;
        if (decorated != null) {
            decorated.afterConnectionEstablished((WebSocketSession) session);
        }
        if (event == null || !c.isOpen()) {
            return;  // it outlived a restart, and its CONNECT is long done; or a decorator does not want it
        }
        StompHeaderAccessor accessor = accessor(StompCommand.CONNECT, event, c);
        Message<byte[]> message = message(accessor, new byte[0]);
        boolean taken = sent(message, c);
        Answer answer = sidecar.answerOf(c.id);
        if (answer != null && answer.refused()) {
            throw new Refusal("an ERROR of the application", answer);
        }
        if (!taken) {
            throw new Refusal(FORBIDDEN, "CONNECT was not taken", Collections.singletonMap("message", "CONNECT was not taken"), null, new byte[0]);
        }
        Principal user = accessor.getUser();
        if (user != null) {
            c.principal = user;
        }
        publish(new SessionConnectEvent(this, message, c.principal));
        if (c.principal != null) {
            tryField(USERS + c.principal.getName(), c.id, c.instance.getBytes(StandardCharsets.UTF_8));
        }
        StompHeaderAccessor connected = StompHeaderAccessor.create(StompCommand.CONNECTED);
        connected.setSessionId(c.id);
        connected.setUser(c.principal);
        connected.setHeader(SimpMessageHeaderAccessor.CONNECT_MESSAGE_HEADER, message);
        connected.setSessionAttributes(c.attributes);
        support.outbound.send(MessageBuilder.createMessage(new byte[0], connected.getMessageHeaders()));
    }

    @Override
    public void message(Object session, Event event, Answer answer) {
        if (event.type != Event.Type.SUBSCRIBE) {
            frame(session, event, answer);
            return;
        }
        String subscription = event.connection + "\t" + (event.stomp == null ? null : event.stomp.get("id"));
        subscribing.put(subscription, answer);
        ofSubscribe.set(true);
        try {
            frame(session, event, answer);
        } finally {
            ofSubscribe.remove();
            subscribing.remove(subscription);
        }
    }

    private void frame(Object session, Event event, Answer answer) {
        Connection c = connection(session);
        StompCommand command = event.type == Event.Type.SUBSCRIBE ? StompCommand.SUBSCRIBE
            : event.type == Event.Type.UNSUBSCRIBE ? StompCommand.UNSUBSCRIBE : StompCommand.SEND;
        StompHeaderAccessor accessor = accessor(command, event, c);
        Message<byte[]> message = message(accessor, event.type == Event.Type.MESSAGE ? event.body : new byte[0]);
        try {
            if (!sent(message, c)) {
                return;  // an interceptor has dropped it, without a word, as in Spring
            }
        } catch (Refusal e) {
            Log.info("refused: " + command + " " + event.destination + " of " + c.id + ": " + e.getMessage());
            if (command == StompCommand.UNSUBSCRIBE) {
                answer.close(CloseStatus.PROTOCOL_ERROR.getCode(), e.getMessage());  // it is done, whatever the answer: an ERROR cannot undo it
            } else {
                answer.refuse(e.answer());
            }
            return;
        }
        if (answer.refused()) {
            return;
        }
        if (event.type == Event.Type.SUBSCRIBE) {
            subscriptions(c, event, true);
            publish(new SessionSubscribeEvent(this, message, c.principal));
        } else if (event.type == Event.Type.UNSUBSCRIBE) {
            subscriptions(c, event, false);
            publish(new SessionUnsubscribeEvent(this, message, c.principal));
        }
    }

    @Override
    public void close(Object session, int code, String reason) {
        Connection c = connection(session);
        CloseStatus status = new CloseStatus(code, reason == null || reason.isEmpty() ? null : reason);
        decoratorsClosed((WebSocketSession) session, status);
        if (c.isElsewhere()) {
            return;
        }
        StompHeaderAccessor accessor = StompHeaderAccessor.create(StompCommand.DISCONNECT);
        accessor.setSessionId(c.id);
        accessor.setSessionAttributes(c.attributes);
        if (c.principal != null) {
            accessor.setUser(c.principal);
            tryField(USERS + c.principal.getName(), c.id, null);
        }
        tryField(SUBSCRIPTIONS + c.instance, c.id, null);
        Message<byte[]> message = message(accessor, new byte[0]);
        SimpAttributes attributes = SimpAttributes.fromMessage(message);
        try {
            SimpAttributesContextHolder.setAttributes(attributes);
            publish(new SessionDisconnectEvent(this, message, c.id, status, c.principal));
            support.inbound.send(message);
        } finally {
            SimpAttributesContextHolder.resetAttributes();
            attributes.sessionCompleted();
        }
    }

    private void decoratorsClosed(WebSocketSession session, CloseStatus status) {
        if (decorated == null) {
            return;
        }
        try {
            if (status.getCode() == LOST) {
                decorated.handleTransportError(session, new EOFException("the connection ended without a close frame"));
            }
            decorated.afterConnectionClosed(session, status);
        } catch (Exception e) {
            Log.warn(decorated + " failed", e);
        }
    }

    /** What goes to one session past the broker: the answer of a @SubscribeMapping method, first of all. */
    void outbound(Message<?> message) throws MessagingException {
        SimpMessageType type = SimpMessageHeaderAccessor.getMessageType(message.getHeaders());
        String session = SimpMessageHeaderAccessor.getSessionId(message.getHeaders());
        StompHeaderAccessor stomp = StompHeaderAccessor.wrap(message);
        if (stomp.getCommand() == StompCommand.CONNECTED) {
            @SuppressWarnings("unchecked")
            Message<byte[]> connected = (Message<byte[]>) message;
            publish(new SessionConnectedEvent(this, connected, stomp.getUser()));
            return;
        }
        if (session != null && stomp.getCommand() == StompCommand.ERROR && message.getPayload() instanceof byte[]) {
            @SuppressWarnings("unchecked")
            Message<byte[]> error = (Message<byte[]>) message;
            end(session, support.error(error));
            return;
        }
        if (session == null || type != null && type != SimpMessageType.MESSAGE || !(message.getPayload() instanceof byte[])) {
            return;
        }
        byte[] payload = (byte[]) message.getPayload();
        Answer answer = sidecar.answerOf(session);
        if (answer == null && stomp.getSubscriptionId() != null) {
            answer = subscribing.get(session + "\t" + stomp.getSubscriptionId());  // of a method that has answered in another thread, at once
        }
        String destination = SimpMessageHeaderAccessor.getDestination(message.getHeaders());
        if (answer != null && stomp.getSubscriptionId() != null && answer.isEmpty()
                && answer.contentType(Contents.type(message)).add(Contents.isText(message, payload), payload)) {
            return;
        }
        if (destination != null) {
            try {
                sidecar.push(Contents.payload(new Envelope().connection(session).destination(destination), message, payload), sidecar.settings.send());
            } catch (IOException e) {
                throw new MessageDeliveryException(message, e.getMessage(), e);
            }
        }
    }

    /** An ERROR of the application's own, which is the last that its client hears: as the answer to an event, or else as the close's reason. */
    private void end(String session, Refusal refusal) {
        Answer answer = sidecar.answerOf(session);
        if (answer != null && answer.refuse(refusal.answer())) {
            return;
        }
        try {
            sidecar.push(new Envelope().connection(session).close(CloseStatus.PROTOCOL_ERROR.getCode(), refusal.getMessage()), sidecar.settings.send());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private StompHeaderAccessor accessor(StompCommand command, Event event, Connection c) {
        Map<String, List<String>> headers = new LinkedHashMap<>();
        if (event.stomp != null) {
            event.stomp.forEach((name, value) -> headers.put(name, new ArrayList<>(Collections.singletonList(value))));
        }
        if (event.destination != null) {
            headers.put("destination", new ArrayList<>(Collections.singletonList(event.destination)));
        }
        StompHeaderAccessor accessor = StompHeaderAccessor.create(command, headers);
        accessor.setSessionId(c.id);
        accessor.setSessionAttributes(c.attributes);
        accessor.setUser(c.principal);
        accessor.setLeaveMutable(true);
        return accessor;
    }

    private Message<byte[]> message(StompHeaderAccessor accessor, byte[] body) {
        return MessageBuilder.createMessage(body, accessor.getMessageHeaders());
    }

    /** False: an interceptor kept it. */
    private boolean sent(Message<byte[]> message, Connection c) throws Refusal {
        boolean immutable = false;
        for (ChannelInterceptor one : support.inbound.getInterceptors()) {
            immutable |= one instanceof ImmutableMessageChannelInterceptor;
        }
        if (!immutable) {
            StompHeaderAccessor accessor = StompHeaderAccessor.wrap(message);
            accessor.setLeaveMutable(false);
        }
        try {
            SimpAttributesContextHolder.setAttributesFromMessage(message);
            return support.inbound.send(message);
        } catch (RuntimeException | Error e) {
            Refusal refusal = support.refusal(message, e, isLogin(cause(e)) ? UNAUTHORIZED : FORBIDDEN);
            if (refusal == null) {
                return false;  // the application's error handler keeps it to itself
            }
            throw refusal;
        } finally {
            SimpAttributesContextHolder.resetAttributes();
        }
    }

    private static Throwable cause(Throwable e) {
        return e instanceof MessagingException && e.getCause() != null ? e.getCause() : e;
    }

    private static boolean isLogin(Throwable cause) {
        for (Class<?> c = cause.getClass(); c != null; c = c.getSuperclass()) {
            if (c.getName().equals("org.springframework.security.core.AuthenticationException")) {
                return true;
            }
        }
        return false;
    }

    private void publish(Object event) {
        try {
            publisher.publishEvent(event);
        } catch (RuntimeException e) {
            Log.warn("a listener of " + event.getClass().getSimpleName() + " failed", e);  // as in Spring, it stops nothing
        }
    }

    /** A line for each of the session's subscriptions: id, tab, destination. */
    private void subscriptions(Connection c, Event event, boolean add) {
        String id = event.stomp == null ? null : event.stomp.get("id");
        if (id == null) {
            return;
        }
        try {
            byte[] before = sidecar.field(SUBSCRIPTIONS + c.instance, c.id);
            StringBuilder lines = new StringBuilder();
            for (String line : before == null ? new String[0] : new String(before, StandardCharsets.UTF_8).split("\n")) {
                if (!line.isEmpty() && !line.startsWith(id + "\t")) {
                    lines.append(line).append('\n');
                }
            }
            if (add) {
                lines.append(id).append('\t').append(event.destination).append('\n');
            }
            sidecar.field(SUBSCRIPTIONS + c.instance, c.id, lines.length() == 0 ? null : lines.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            Log.warn("SimpUserRegistry does not know of a subscription: " + e.getMessage());
        }
    }

    private void tryField(String hash, String field, byte[] value) {
        try {
            sidecar.field(hash, field, value);
        } catch (IOException e) {
            Log.warn("SimpUserRegistry does not know of a session: " + e.getMessage());
        }
    }

    @Override
    public boolean stateful() {
        return false;
    }

    /** The broker reaches all replicas by itself; decorators may keep sessions. */
    @Override
    public boolean shared() {
        return decorated != null;
    }

    @Override
    public boolean reachesAll() {
        return true;
    }

    @Override
    public String name() {
        return "a listener of STOMP sessions";
    }
}
