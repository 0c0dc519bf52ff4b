package io.wsidecar.websocket;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import javax.websocket.DecodeException;
import javax.websocket.Decoder;
import javax.websocket.EncodeException;
import javax.websocket.Encoder;
import javax.websocket.EndpointConfig;

/** The encoders and decoders of one endpoint. */
final class Coders {
    private static final Class<?>[] ENCODERS = {Encoder.Text.class, Encoder.TextStream.class, Encoder.Binary.class, Encoder.BinaryStream.class};
    private static final Class<?>[] DECODERS = {Decoder.Text.class, Decoder.TextStream.class, Decoder.Binary.class, Decoder.BinaryStream.class};
    private final List<Encoder> encoders = new ArrayList<>();
    private final List<Decoder> decoders = new ArrayList<>();

    Coders(EndpointConfig config) {
        for (Class<? extends Encoder> one : config.getEncoders()) {
            Encoder encoder = create(one);
            encoder.init(config);
            encoders.add(encoder);
        }
        for (Class<? extends Decoder> one : config.getDecoders()) {
            Decoder decoder = create(one);
            decoder.init(config);
            decoders.add(decoder);
        }
    }

    static <T> T create(Class<T> type) {
        try {
            return type.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(type.getName() + " has no public constructor without parameters", e);
        }
    }

    /** A String or a byte[]. */
    Object encode(Object o) throws EncodeException, IOException {
        for (Encoder encoder : encoders) {
            if (Generics.argument(encoder.getClass(), ENCODERS).isInstance(o)) {
                synchronized (encoder) {  // a container has one for each session, so it need not be safe for threads
                    return encode(encoder, o);
                }
            }
        }
        if (o instanceof byte[]) {
            return o;
        } else if (o instanceof ByteBuffer) {
            return bytes((ByteBuffer) o);
        } else if (o instanceof CharSequence || o instanceof Number || o instanceof Boolean || o instanceof Character) {
            return o.toString();
        }
        throw new EncodeException(o, "No encoder specified for object of class [" + o.getClass() + "]");
    }

    @SuppressWarnings("unchecked")
    private static Object encode(Encoder encoder, Object o) throws EncodeException, IOException {
        if (encoder instanceof Encoder.Text) {
            return ((Encoder.Text<Object>) encoder).encode(o);
        } else if (encoder instanceof Encoder.TextStream) {
            StringWriter out = new StringWriter();
            ((Encoder.TextStream<Object>) encoder).encode(o, out);
            return out.toString();
        } else if (encoder instanceof Encoder.Binary) {
            return bytes(((Encoder.Binary<Object>) encoder).encode(o));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ((Encoder.BinaryStream<Object>) encoder).encode(o, out);
        return out.toByteArray();
    }

    /** Whether some decoder makes this type of a text, or of a binary message. */
    boolean decodes(Class<?> type, boolean text) {
        return decoders.stream().anyMatch(d -> makes(d, type, text));
    }

    /** Null: no decoder wants it. */
    Object decode(Class<?> type, String text, byte[] binary) throws DecodeException, IOException {
        for (Decoder d : decoders) {
            if (!makes(d, type, text != null)) {
                continue;
            }
            synchronized (d) {
                if (d instanceof Decoder.Text && ((Decoder.Text<?>) d).willDecode(text)) {
                    return ((Decoder.Text<?>) d).decode(text);
                } else if (d instanceof Decoder.TextStream) {
                    return ((Decoder.TextStream<?>) d).decode(new StringReader(text));
                } else if (d instanceof Decoder.Binary && ((Decoder.Binary<?>) d).willDecode(ByteBuffer.wrap(binary))) {
                    return ((Decoder.Binary<?>) d).decode(ByteBuffer.wrap(binary));
                } else if (d instanceof Decoder.BinaryStream) {
                    return ((Decoder.BinaryStream<?>) d).decode(new ByteArrayInputStream(binary));
                }
            }
        }
        return null;
    }

    private static boolean makes(Decoder d, Class<?> type, boolean text) {
        boolean ofText = d instanceof Decoder.Text || d instanceof Decoder.TextStream;
        Class<?> made = Generics.argument(d.getClass(), DECODERS);
        return ofText == text && (type.isAssignableFrom(made) || made == Object.class);
    }

    static byte[] bytes(ByteBuffer buffer) {
        ByteBuffer copy = buffer.duplicate();
        byte[] out = new byte[copy.remaining()];
        copy.get(out);
        return out;
    }

    void destroy() {
        encoders.forEach(Encoder::destroy);
        decoders.forEach(Decoder::destroy);
    }
}
