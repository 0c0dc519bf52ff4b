package io.wsidecar.stomp;

import io.wsidecar.core.Log;
import io.wsidecar.core.Sidecar;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executor;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.messaging.simp.user.SimpUserRegistry;

/**
 * Two changes to what @EnableWebSocketMessageBroker makes: what an event sets going is done in the event's thread, because its answer says
 * that it is done; and the registry of users knows those of all replicas.
 */
public final class MessagingBeans implements BeanPostProcessor {
    private static final Set<String> EXECUTORS =
        new HashSet<>(Arrays.asList("clientInboundChannelExecutor", "clientOutboundChannelExecutor", "brokerChannelExecutor"));

    @Override
    public Object postProcessAfterInitialization(Object bean, String name) {
        if (bean instanceof Executor && EXECUTORS.contains(name)) {
            Executor original = (Executor) bean;
            boolean inbound = name.equals("clientInboundChannelExecutor");
            TaskExecutor atOnce = task -> {
                if (Sidecar.working() && inbound) {
                    handle(task);
                } else if (Sidecar.working()) {
                    task.run();
                } else {
                    original.execute(task);
                }
            };
            return atOnce;
        }
        return bean instanceof SimpUserRegistry && name.equals("userRegistry") ? new SidecarUserRegistry() : bean;
    }

    /** What a handler of a frame throws would end in a thread of the executor: its client is told nothing. Interceptors that refuse have been asked before. */
    private static void handle(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            Log.warn("a handler of a STOMP frame failed", e);
        }
    }
}
