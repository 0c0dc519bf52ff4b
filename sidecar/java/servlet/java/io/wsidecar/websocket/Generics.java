package io.wsidecar.websocket;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What classes say of the parameters of the interfaces that they implement. */
final class Generics {
    private Generics() {}

    /** The class that stands for the parameter of the first of these interfaces that is found, also where a superclass implements it; Object: nothing says which. */
    static Class<?> argument(Class<?> implementation, Class<?>... interfaces) {
        Type found = find(implementation, Collections.emptyMap(), Arrays.asList(interfaces));
        if (found instanceof GenericArrayType) {
            return Object[].class;
        }
        Type raw = found instanceof ParameterizedType ? ((ParameterizedType) found).getRawType() : found;
        return raw instanceof Class ? (Class<?>) raw : Object.class;
    }

    private static Type find(Type type, Map<Type, Type> outer, List<Class<?>> interfaces) {
        Class<?> raw = (Class<?>) (type instanceof ParameterizedType ? ((ParameterizedType) type).getRawType() : type);
        Map<Type, Type> known = new HashMap<>();
        Type first = Object.class;
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                known.put(raw.getTypeParameters()[i], outer.getOrDefault(arguments[i], arguments[i]));
            }
            first = known.get(raw.getTypeParameters()[0]);
        }
        if (interfaces.contains(raw)) {
            return first;
        }
        for (Type one : raw.getGenericInterfaces()) {
            Type found = find(one, known, interfaces);
            if (found != null) {
                return found;
            }
        }
        Type above = raw.getGenericSuperclass();
        return above == null ? null : find(above, known, interfaces);
    }
}
