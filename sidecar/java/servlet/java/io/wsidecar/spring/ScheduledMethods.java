package io.wsidecar.spring;

import io.wsidecar.core.Bytecode;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.springframework.context.ApplicationContext;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.annotation.Schedules;
import org.springframework.util.ClassUtils;

/** What an application does on a schedule, which happens on every replica: clients of all replicas are sent what each of them sends. */
final class ScheduledMethods {
    private static final String RUNNABLE = "org.springframework.scheduling.support.ScheduledMethodRunnable";
    private static final Pattern SENDING = Pattern.compile("^(org/springframework/messaging/.*[.](convertAndSend.*|send)"
        + "|org/springframework/web/socket/.*[.]sendMessage|(javax|jakarta)/websocket/RemoteEndpoint.*[.]send.*)$");

    private ScheduledMethods() {}

    /** Whether this thread runs a @Scheduled method. */
    static boolean running() {
        for (StackTraceElement frame : Thread.currentThread().getStackTrace()) {
            if (frame.getClassName().equals(RUNNABLE)) {
                return true;
            }
        }
        return false;
    }

    /** Names each one whose class, or a class that it calls, sends to clients. */
    static void remark(ApplicationContext context, Consumer<String> remark) {
        for (String name : context.getBeanDefinitionNames()) {
            Class<?> bean = context.getType(name, false);
            Class<?> type = bean == null ? null : ClassUtils.getUserClass(bean);
            if (type == null || Listeners.isFramework(type.getName())) {
                continue;
            }
            List<Method> scheduled = scheduled(type);
            Bytecode code = scheduled.isEmpty() ? null : Bytecode.of(type);
            if (code == null || !sends(code) && !callsSender(code, type)) {
                continue;
            }
            for (Method method : scheduled) {
                int line = code.methods.stream().filter(m -> m.name.equals(method.getName())).mapToInt(m -> m.line).max().orElse(0);
                remark.accept(code.place(type, method.getName(), line) + " runs on every replica, and what it sends reaches the clients of all replicas. If "
                    + "all replicas send the same, set wsidecar.scheduled=one: then one of them sends. If they share out the work, leave it");
            }
        }
    }

    private static List<Method> scheduled(Class<?> type) {
        List<Method> found = new ArrayList<>();
        for (Class<?> c = type; c != null && c != Object.class; c = c.getSuperclass()) {
            for (Method m : c.getDeclaredMethods()) {
                if (AnnotatedElementUtils.hasAnnotation(m, Scheduled.class) || AnnotatedElementUtils.hasAnnotation(m, Schedules.class)) {
                    found.add(m);
                }
            }
        }
        return found;
    }

    private static boolean sends(Bytecode code) {
        return code.calls.stream().anyMatch(call -> SENDING.matcher(call.owner + "." + call.name).find());
    }

    private static boolean callsSender(Bytecode code, Class<?> type) {
        return code.calls.stream().map(call -> call.owner.replace('/', '.')).distinct().filter(owner -> !Listeners.isFramework(owner)).anyMatch(owner -> {
            try {
                Bytecode called = Bytecode.of(Class.forName(owner, false, type.getClassLoader()));
                return called != null && sends(called);
            } catch (ClassNotFoundException | LinkageError e) {
                return false;  // an array, or a class that is not there
            }
        });
    }
}
