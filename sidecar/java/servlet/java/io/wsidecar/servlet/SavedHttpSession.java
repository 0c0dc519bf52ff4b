package io.wsidecar.servlet;

import java.io.Serializable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Collections;
import java.util.TreeMap;
import javax.servlet.http.HttpSession;

/**
 * A copy of an HttpSession that an application keeps among a session's attributes, for other processes: what it said when it was written down. What
 * is changed in it is not changed in the HttpSession. A proxy, because the interface has methods in one namespace that the other does not have.
 */
final class SavedHttpSession implements Serializable, InvocationHandler {
    private static final long serialVersionUID = 1;
    private final String id;
    private final long created;
    private final int maxInactive;
    private final TreeMap<String, Object> attributes = new TreeMap<>();

    private SavedHttpSession(HttpSession session) {
        id = session.getId();
        created = session.getCreationTime();
        maxInactive = session.getMaxInactiveInterval();
        for (String name : Collections.list(session.getAttributeNames())) {
            Object value = session.getAttribute(name);
            if (value instanceof Serializable) {
                attributes.put(name, value);
            }
        }
    }

    /** Null: the value is none, or has ended. */
    static Object of(Object value) {
        try {
            return value instanceof HttpSession ? new SavedHttpSession((HttpSession) value) : null;
        } catch (IllegalStateException e) {
            return null;  // it has been invalidated
        }
    }

    private Object readResolve() {
        return Proxy.newProxyInstance(HttpSession.class.getClassLoader(), new Class<?>[] {HttpSession.class}, this);
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) {
        synchronized (attributes) {
            switch (method.getName()) {
                case "getId": return id;
                case "getCreationTime": case "getLastAccessedTime": return created;
                case "getMaxInactiveInterval": return maxInactive;
                case "isNew": return false;
                case "getAttribute": case "getValue": return attributes.get((String) arguments[0]);
                case "getAttributeNames": return Collections.enumeration(attributes.keySet());
                case "getValueNames": return attributes.keySet().toArray(new String[0]);
                case "setAttribute": case "putValue": attributes.put((String) arguments[0], arguments[1]); return null;
                case "removeAttribute": case "removeValue": attributes.remove((String) arguments[0]); return null;
                case "equals": return proxy == arguments[0];
                case "hashCode": return id.hashCode();
                case "toString": return "SavedHttpSession[id=" + id + "]";
                default: return null;
            }
        }
    }
}
