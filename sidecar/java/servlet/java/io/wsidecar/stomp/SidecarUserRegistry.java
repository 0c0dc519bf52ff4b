package io.wsidecar.stomp;

import io.wsidecar.core.Connection;
import io.wsidecar.core.Log;
import io.wsidecar.core.Named;
import io.wsidecar.core.Sidecar;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.springframework.messaging.simp.user.SimpSession;
import org.springframework.messaging.simp.user.SimpSubscription;
import org.springframework.messaging.simp.user.SimpSubscriptionMatcher;
import org.springframework.messaging.simp.user.SimpUser;
import org.springframework.messaging.simp.user.SimpUserRegistry;

/** The users of all replicas, as Redis has them at the moment of the question: nothing of them is kept here. */
final class SidecarUserRegistry implements SimpUserRegistry {

    @Override
    public SimpUser getUser(String name) {
        try {
            User user = new User(name);
            Sidecar.current().fields(StompTarget.USERS + name).forEach((id, instance) -> user.add(text(id), text(instance)));
            return user.sessions.isEmpty() ? null : user;
        } catch (IOException e) {
            Log.warn("who is connected cannot be said: " + e.getMessage());
            return null;
        }
    }

    @Override
    public Set<SimpUser> getUsers() {
        Map<String, User> users = new LinkedHashMap<>();
        try {
            for (Connection c : Sidecar.current().everywhere()) {
                if (c.principal != null) {
                    users.computeIfAbsent(c.principal.getName(), User::new).add(c.id, c.instance);
                }
            }
        } catch (IOException e) {
            Log.warn("who is connected cannot be said: " + e.getMessage());
        }
        return new LinkedHashSet<>(users.values());
    }

    @Override
    public int getUserCount() {
        return getUsers().size();
    }

    @Override
    public Set<SimpSubscription> findSubscriptions(SimpSubscriptionMatcher matcher) {
        Set<SimpSubscription> found = new HashSet<>();
        for (SimpUser user : getUsers()) {
            for (SimpSession session : user.getSessions()) {
                for (SimpSubscription subscription : session.getSubscriptions()) {
                    if (matcher.match(subscription)) {
                        found.add(subscription);
                    }
                }
            }
        }
        return found;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static final class User implements SimpUser {
        private final String name;
        private final Map<String, SimpSession> sessions = new LinkedHashMap<>();

        User(String name) {
            this.name = name;
        }

        void add(String id, String instance) {
            sessions.put(id, new Session(this, id, instance));
        }

        @Override
        public String getName() {
            return name;
        }

        @Override
        public Principal getPrincipal() {
            return new Named(name);
        }

        @Override
        public boolean hasSessions() {
            return !sessions.isEmpty();
        }

        @Override
        public SimpSession getSession(String id) {
            return sessions.get(id);
        }

        @Override
        public Set<SimpSession> getSessions() {
            return new LinkedHashSet<>(sessions.values());
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof SimpUser && ((SimpUser) other).getName().equals(name);
        }

        @Override
        public int hashCode() {
            return name.hashCode();
        }

        @Override
        public String toString() {
            return "name=" + name + ", sessions=" + sessions;  // as Spring's
        }
    }

    /** What has an id of its own: a session, or a subscription of one. */
    private abstract static class Identified {
        final String id;

        Identified(String id) {
            this.id = id;
        }

        public final String getId() {
            return id;
        }

        @Override
        public final int hashCode() {
            return id.hashCode();
        }

        @Override
        public abstract boolean equals(Object other);
    }

    private static final class Session extends Identified implements SimpSession {
        private final User user;
        private final String instance;

        Session(User user, String id, String instance) {
            super(id);
            this.user = user;
            this.instance = instance;
        }

        @Override
        public SimpUser getUser() {
            return user;
        }

        @Override
        public Set<SimpSubscription> getSubscriptions() {
            Set<SimpSubscription> all = new LinkedHashSet<>();
            try {
                byte[] lines = Sidecar.current().field(StompTarget.SUBSCRIPTIONS + instance, id);
                for (String line : lines == null ? new String[0] : text(lines).split("\n")) {
                    String[] parts = line.split("\t", 2);
                    if (parts.length == 2) {
                        all.add(new Subscription(this, parts[0], parts[1]));
                    }
                }
            } catch (IOException e) {
                Log.warn("who has subscribed to what cannot be said: " + e.getMessage());
            }
            return all;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof SimpSession && ((SimpSession) other).getId().equals(id);
        }

        @Override
        public String toString() {
            Map<String, SimpSubscription> subscriptions = new LinkedHashMap<>();
            getSubscriptions().forEach(one -> subscriptions.put(one.getId(), one));
            return "id=" + id + ", subscriptions=" + subscriptions;
        }
    }

    private static final class Subscription extends Identified implements SimpSubscription {
        private final Session session;
        private final String destination;

        Subscription(Session session, String id, String destination) {
            super(id);
            this.session = session;
            this.destination = destination;
        }

        @Override
        public SimpSession getSession() {
            return session;
        }

        @Override
        public String getDestination() {
            return destination;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof SimpSubscription && ((SimpSubscription) other).getId().equals(id)
                && ((SimpSubscription) other).getSession().equals(session);
        }

        @Override
        public String toString() {
            return "destination=" + destination;
        }
    }
}
