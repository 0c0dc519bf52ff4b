package io.wsidecar.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One quiet thread: opens again what outlived a restart, and keeps what is written down in step with what is there. */
public final class Housekeeper implements AutoCloseable {
    private static final long STEP_MILLIS = 1000;
    private static final long FIRST_MILLIS = 3000;
    private static final int KEEP_STEPS = 600;
    private static final int ASK_STEPS = 30;
    private static final int MAX_ANSWER = 65536;
    private static final Pattern INSTANCE = Pattern.compile("\"instance\"\\s*:\\s*\"([A-Za-z0-9._-]{1,253})\"");
    private final Sidecar sidecar;
    private final Events events;
    private final Thread thread = new Thread(this::run, "wsidecar-housekeeper");
    private final Set<String> resumed = new HashSet<>();
    private final CountDownLatch first = new CountDownLatch(1);
    private volatile boolean stopped;

    public Housekeeper(Sidecar sidecar, Events events) {
        this.sidecar = sidecar;
        this.events = events;
        thread.setDaemon(true);
    }

    /**
     * More than once changes nothing. What outlived a restart is opened again when this returns, before the application's listeners start, so that
     * none of what they hear is for a session that its maps do not have; with a Redis that does not answer, it comes later.
     */
    public synchronized Housekeeper start() {
        if (thread.getState() == Thread.State.NEW) {
            thread.setContextClassLoader(Thread.currentThread().getContextClassLoader());
            thread.start();
            try {
                first.await(FIRST_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return this;
    }

    @Override
    public void close() {
        stopped = true;
        thread.interrupt();
        if (sidecar.settings.scheduled() == Settings.Scheduled.ONE) {
            try {
                sidecar.leader.resign();
            } catch (IOException e) {
                // The others will miss its heartbeats.
            }
        }
    }

    private void run() {
        for (long step = 0; !stopped; step++) {
            try {
                if (step < ASK_STEPS && resumed.isEmpty() && !sidecar.settings.admin().isEmpty()) {
                    ask();
                }
                work(step);
            } catch (IOException e) {
                // Redis is away: whoever sends is told, and this is tried again.
            } catch (RuntimeException e) {
                Log.warn("the housekeeper failed, and goes on", e);
            }
            first.countDown();
            try {
                Thread.sleep(STEP_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void work(long step) throws IOException {
        if (sidecar.settings.scheduled() == Settings.Scheduled.ONE) {
            sidecar.leader.beat();
        }
        events.write();
        for (String instance : events.instances()) {
            if (sidecar.settings.resume() && !resumed.contains(instance)) {
                events.resume(instance);
                resumed.add(instance);
            }
            events.gone(instance);
            if (step % KEEP_STEPS == 0) {
                sidecar.keep(instance);
            }
        }
    }

    /** Which instance of wsidecar stands beside this application: it may hold connections that it does not hear from. */
    private void ask() throws IOException {
        HttpURLConnection http = (HttpURLConnection) new URL(sidecar.settings.admin() + "/readyz").openConnection();
        http.setConnectTimeout(500);
        http.setReadTimeout(2000);
        String text;
        try {
            int status = http.getResponseCode();
            InputStream in = status < 400 ? http.getInputStream() : http.getErrorStream();
            text = in == null ? "" : read(in);
        } catch (IOException e) {
            return;  // not there, or not yet; its first event says as much
        } finally {
            http.disconnect();
        }
        Matcher m = INSTANCE.matcher(text);
        if (m.find()) {
            sidecar.belongs(m.group(1));
        }
    }

    private static String read(InputStream in) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] some = new byte[4096];
        for (int n = in.read(some); n >= 0 && out.size() < MAX_ANSWER; n = in.read(some)) {
            out.write(some, 0, n);
        }
        return new String(out.toByteArray(), StandardCharsets.UTF_8);
    }
}
