package io.wsidecar.stomp;

import io.wsidecar.core.Envelope;
import io.wsidecar.core.Log;
import io.wsidecar.core.Settings;
import io.wsidecar.core.Sidecar;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageDeliveryException;
import org.springframework.messaging.MessageHandler;
import org.springframework.messaging.simp.SimpMessageHeaderAccessor;
import org.springframework.messaging.simp.SimpMessageType;
import org.springframework.messaging.support.NativeMessageHeaderAccessor;

/** In the simple broker's place: what is sent to a destination reaches its subscribers on all replicas, through Redis. */
final class DestinationBroker implements MessageHandler {
    /** A message's own header, over the setting wsidecar.send: list, at least once; channel, at most once. */
    static final String SEND = "wsidecar-send";
    /** How long after an event a client's subscription may take to be known to the broker. */
    private static final long JOINING_MILLIS = 100;
    private static final int MAX_JOINING = 10000;
    private final ScheduledThreadPoolExecutor joining = new ScheduledThreadPoolExecutor(1, task -> {
        Thread thread = new Thread(task, "wsidecar-subscribed");
        thread.setDaemon(true);
        return thread;
    });
    private final Sidecar sidecar;
    private final List<String> prefixes;
    private final String userPrefix;

    private final BooleanSupplier subscribing;

    /** @param subscribing whether this thread handles a SUBSCRIBE */
    DestinationBroker(Sidecar sidecar, List<String> prefixes, String userPrefix, BooleanSupplier subscribing) {
        this.sidecar = sidecar;
        this.subscribing = subscribing;
        joining.setKeepAliveTime(JOINING_MILLIS * 10, TimeUnit.MILLISECONDS);
        joining.allowCoreThreadTimeOut(true);
        this.prefixes = prefixes;
        this.userPrefix = userPrefix;
    }

    @Override
    public void handleMessage(Message<?> message) {
        SimpMessageType type = SimpMessageHeaderAccessor.getMessageType(message.getHeaders());
        String destination = SimpMessageHeaderAccessor.getDestination(message.getHeaders());
        if (type != null && type != SimpMessageType.MESSAGE || destination == null || !(message.getPayload() instanceof byte[])) {
            return;
        }
        try {
            Envelope to = address(message, destination);
            if (to == null || !destination.startsWith(userPrefix) && sidecar.leader.sendsForThis()) {
                return;
            }
            push(Contents.payload(to, message, (byte[]) message.getPayload()), send(message));
        } catch (IOException e) {
            throw new MessageDeliveryException(message, e.getMessage(), e);
        }
    }

    /** What is sent because a client subscribes is often for that client, and its subscription begins when its event has been answered. */
    private void push(Envelope envelope, Settings.Send by) throws IOException {
        if (!subscribing.getAsBoolean() || joining.getQueue().size() >= MAX_JOINING) {
            sidecar.push(envelope, by);
            return;
        }
        joining.schedule(() -> {
            try {
                sidecar.push(envelope, by);
            } catch (IOException e) {
                Log.warn("what was sent because a client subscribed is lost: " + e.getMessage());
            }
        }, JOINING_MILLIS, TimeUnit.MILLISECONDS);
    }

    private Settings.Send send(Message<?> message) {
        Object said = message.getHeaders().get(SEND);
        if (said == null) {
            Object own = message.getHeaders().get(NativeMessageHeaderAccessor.NATIVE_HEADERS);  // where SimpMessagingTemplate puts what it is given
            Object values = own instanceof Map ? ((Map<?, ?>) own).get(SEND) : null;
            said = values instanceof List && !((List<?>) values).isEmpty() ? ((List<?>) values).get(0) : null;
        }
        return said == null ? sidecar.settings.send() : Settings.Send.valueOf(said.toString().toUpperCase(Locale.ROOT));
    }

    /** Headers that were passed on with a message may have the session of another user, who is not the one to get it. */
    private boolean isOf(String session, String user) throws IOException {
        return user.equals(session) || user.equals(sidecar.userOf(session)) || sidecar.field(StompTarget.USERS + user, session) != null;
    }

    /** Null: the simple broker would not have taken it either. */
    private Envelope address(Message<?> message, String destination) throws IOException {
        if (destination.startsWith(userPrefix)) {
            int slash = destination.indexOf('/', userPrefix.length());
            if (slash < 0) {
                return null;
            }
            String user = destination.substring(userPrefix.length(), slash).replace("%2F", "/");
            String session = SimpMessageHeaderAccessor.getSessionId(message.getHeaders());
            Envelope to = new Envelope().destination(destination.substring(slash));
            return session != null && isOf(session, user) ? to.connection(session) : to.user(user);
        }
        for (String prefix : prefixes) {
            if (destination.startsWith(prefix)) {
                return new Envelope().destination(destination);
            }
        }
        return null;
    }
}
