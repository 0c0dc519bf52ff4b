package io.wsidecar.websocket;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.websocket.CloseReason;
import javax.websocket.EndpointConfig;
import javax.websocket.OnClose;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.OnOpen;
import javax.websocket.PongMessage;
import javax.websocket.Session;
import javax.websocket.server.PathParam;

/** The annotated methods of an endpoint class. */
final class EndpointMethods {
    private final Map<Class<? extends Annotation>, Method> lifecycle = new LinkedHashMap<>();
    private Method text;
    private Method binary;
    private int largest;

    EndpointMethods(Class<?> type, Coders coders) {
        for (Class<?> c = type; c != null && c != Object.class; c = c.getSuperclass()) {
            for (Method m : c.getDeclaredMethods()) {
                if (!m.isBridge() && !m.isSynthetic()) {
                    take(m, coders);
                }
            }
        }
    }

    private void take(Method m, Coders coders) {
        if (m.isAnnotationPresent(OnOpen.class)) {
            lifecycle.putIfAbsent(OnOpen.class, open(m));
        } else if (m.isAnnotationPresent(OnClose.class)) {
            lifecycle.putIfAbsent(OnClose.class, open(m));
        } else if (m.isAnnotationPresent(OnError.class)) {
            lifecycle.putIfAbsent(OnError.class, open(m));
        } else if (m.isAnnotationPresent(OnMessage.class)) {
            Class<?> payload = payload(m);
            largest = (int) Math.max(largest, Math.min(m.getAnnotation(OnMessage.class).maxMessageSize(), Integer.MAX_VALUE));
            if (payload == PongMessage.class) {
                return;  // never called: wsidecar pings its clients itself
            }
            if (isBinary(payload, coders)) {
                binary = binary == null ? open(m) : binary;
            } else {
                text = text == null ? open(m) : text;
            }
        }
    }

    /** Whether this type is made of binary messages. */
    static boolean isBinary(Class<?> type, Coders coders) {
        return type == byte[].class || type == ByteBuffer.class || type == InputStream.class || coders.decodes(type, false);
    }

    private static Method open(Method m) {
        m.setAccessible(true);
        return m;
    }

    private static Class<?> payload(Method m) {
        Annotation[][] annotations = m.getParameterAnnotations();
        Class<?> found = String.class;
        boolean seen = false;
        for (int i = 0; i < annotations.length; i++) {
            Class<?> type = m.getParameterTypes()[i];
            boolean path = pathParam(annotations[i]) != null;
            boolean last = type == boolean.class && seen;
            if (!path && !last && type != Session.class && type != EndpointConfig.class) {
                found = type;
                seen = true;
            }
        }
        return found;
    }

    private static String pathParam(Annotation[] annotations) {
        for (Annotation a : annotations) {
            if (a instanceof PathParam) {
                return ((PathParam) a).value();
            }
        }
        return null;
    }

    /** The largest maxMessageSize of the annotations; 0: none. */
    int largest() {
        return largest;
    }

    void open(Object endpoint, EndpointSession session, EndpointConfig config) throws Throwable {
        call(lifecycle.get(OnOpen.class), endpoint, session, config, null);
    }

    void close(Object endpoint, EndpointSession session, EndpointConfig config, CloseReason reason) throws Throwable {
        call(lifecycle.get(OnClose.class), endpoint, session, config, reason);
    }

    boolean reports() {
        return lifecycle.containsKey(OnError.class);
    }

    /** False: there is no method for errors. */
    boolean error(Object endpoint, EndpointSession session, EndpointConfig config, Throwable error) throws Throwable {
        call(lifecycle.get(OnError.class), endpoint, session, config, error);
        return reports();
    }

    void message(Object endpoint, EndpointSession session, EndpointConfig config, boolean isText, byte[] body) throws Throwable {
        Method m = isText ? text : binary;
        if (m == null) {
            return;  // as a container: nobody has asked for it
        }
        Object payload = decode(payload(m), session.coders(), isText, body);
        Object result = call(m, endpoint, session, config, payload);
        if (result != null) {
            session.getBasicRemote().sendObject(result);
        }
    }

    static Object decode(Class<?> type, Coders coders, boolean isText, byte[] body) throws Exception {
        String text = isText ? new String(body, StandardCharsets.UTF_8) : null;
        if (isText) {
            if (type == String.class) {
                return text;
            } else if (type == Reader.class) {
                return new StringReader(text);
            }
        } else if (type == byte[].class) {
            return body;
        } else if (type == ByteBuffer.class) {
            return ByteBuffer.wrap(body);
        } else if (type == InputStream.class) {
            return new ByteArrayInputStream(body);
        }
        Object decoded = coders.decode(type, text, isText ? null : body);
        return decoded != null || !isText ? decoded : primitive(type, text);
    }

    private static Object primitive(Class<?> type, String text) {
        if (type == int.class || type == Integer.class) {
            return Integer.valueOf(text);
        } else if (type == long.class || type == Long.class) {
            return Long.valueOf(text);
        } else if (type == boolean.class || type == Boolean.class) {
            return Boolean.valueOf(text);
        } else if (type == double.class || type == Double.class) {
            return Double.valueOf(text);
        } else if (type == float.class || type == Float.class) {
            return Float.valueOf(text);
        } else if (type == short.class || type == Short.class) {
            return Short.valueOf(text);
        } else if (type == byte.class || type == Byte.class) {
            return Byte.valueOf(text);
        } else if (type == char.class || type == Character.class) {
            return text.charAt(0);
        }
        throw new IllegalArgumentException("no decoder makes a " + type.getName() + " of this message");
    }

    /** {@code more}: a message, an error or the reason of a close. */
    private static Object call(Method m, Object endpoint, EndpointSession session, EndpointConfig config, Object more) throws Throwable {
        if (m == null) {
            return null;
        }
        Class<?>[] types = m.getParameterTypes();
        Object[] arguments = new Object[types.length];
        boolean given = false;
        for (int i = 0; i < types.length; i++) {
            String path = pathParam(m.getParameterAnnotations()[i]);
            if (path != null) {
                String value = session.getPathParameters().get(path);
                arguments[i] = value == null || types[i] == String.class ? value : primitive(types[i], value);
            } else if (types[i] == Session.class) {
                arguments[i] = session;
            } else if (types[i] == EndpointConfig.class) {
                arguments[i] = config;
            } else if (types[i] == boolean.class && given) {
                arguments[i] = true;  // each message comes whole: this is its last part
            } else {
                arguments[i] = more;
                given = true;
            }
        }
        try {
            return m.invoke(Modifier.isStatic(m.getModifiers()) ? null : endpoint, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
