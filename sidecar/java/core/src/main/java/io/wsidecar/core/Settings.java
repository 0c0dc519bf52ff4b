package io.wsidecar.core;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the library has to know; the names are those of the properties behind {@code wsidecar.}. */
public final class Settings {
    /** How a message is sent that no event's answer can carry. */
    public enum Send { LIST, CHANNEL }

    /** Of which connections handlers are told: those of their own replica, those of all, or what suits the application. */
    public enum Known { AUTO, LOCAL, ALL }

    /** Whether each replica sends what its @Scheduled methods send, or one of them for all. */
    public enum Scheduled { EACH, ONE }

    private static final long MAX_MARGIN_MILLIS = 1000;
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m)");
    private final List<String> secrets;
    private String prefix = "wsidecar:";
    private String outbox = "outbox";
    private Send send = Send.LIST;
    private String admin = "http://127.0.0.1:9090";
    private boolean resume = true;
    private Known sessions = Known.AUTO;
    private Scheduled scheduled = Scheduled.EACH;
    private String timeout;
    private long patience;
    private long margin;

    /** @param secrets wsidecar's {@code app.signing_secret}: one, or two while one is being replaced */
    public Settings(List<String> secrets) {
        List<String> given = new ArrayList<>();
        for (String secret : secrets) {
            if (secret != null && !secret.trim().isEmpty()) {
                given.add(secret.trim());
            }
        }
        if (given.isEmpty()) {
            throw new IllegalArgumentException("wsidecar.signing-secret is missing: set it to the same text as app.signing_secret in "
                + "wsidecar.yaml, so that nobody but wsidecar can send events to this application; "
                + "or set wsidecar.enabled to false, and the application serves its WebSockets itself");
        }
        this.secrets = Collections.unmodifiableList(given);
        timeout("60s");
    }

    public List<String> secrets() { return secrets; }
    /** wsidecar's {@code prefix}. */
    public String prefix() { return prefix; }
    /** The key of the outbox list, with the prefix. */
    public String outbox() { return prefix + outbox; }
    public Send send() { return send; }
    /** wsidecar's admin address, which says at the start whose connections outlived this application. Empty: it is not asked. */
    public String admin() { return admin; }
    /** Whether connections that outlived a restart of the application are opened again in the new process. */
    public boolean resume() { return resume; }

    public Known sessions() { return sessions; }
    public Scheduled scheduled() { return scheduled; }

    /** How long wsidecar waits for the answer to an event: its {@code app.timeout}, in its own words. */
    public String timeout() { return timeout; }
    /** Within this an answer still comes in time; the rest is for its way. */
    long patienceNanos() { return patience; }
    /** What of wsidecar's time is left behind that. */
    long marginMillis() { return margin; }

    public Settings timeout(String value) {
        long millis = millis(value);
        margin = Math.min(MAX_MARGIN_MILLIS, millis / 10);
        patience = TimeUnit.MILLISECONDS.toNanos(millis - margin);
        timeout = value;
        return this;
    }

    private static long millis(String value) {
        Matcher m = DURATION.matcher(value);
        if (!m.matches()) {
            throw new IllegalArgumentException("wsidecar.timeout is the same as app.timeout in wsidecar.yaml, as 60s, 500ms or 5m, and not " + value);
        }
        return Long.parseLong(m.group(1)) * ("ms".equals(m.group(2)) ? 1 : "s".equals(m.group(2)) ? 1000 : 60000);
    }

    public Settings scheduled(Scheduled value) {
        scheduled = Objects.requireNonNull(value);
        return this;
    }

    public Settings sessions(Known value) {
        sessions = Objects.requireNonNull(value);
        return this;
    }

    public Settings prefix(String value) {
        prefix = Objects.requireNonNull(value);
        return this;
    }

    public Settings outbox(String value) {
        outbox = Objects.requireNonNull(value);
        return this;
    }

    public Settings send(Send value) {
        send = Objects.requireNonNull(value);
        return this;
    }

    public Settings admin(String value) {
        admin = Objects.requireNonNull(value);
        return this;
    }

    public Settings resume(boolean value) {
        resume = value;
        return this;
    }
}
