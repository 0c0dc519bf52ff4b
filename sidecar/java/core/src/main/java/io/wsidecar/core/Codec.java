package io.wsidecar.core;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** How a connection is written down: short for plain values, with Java serialization for other ones. */
final class Codec {
    private static final byte FORMAT = 1;
    private static final int NULL = 0;
    private static final int STRING = 1;
    private static final int INTEGER = 2;
    private static final int LONG = 3;
    private static final int BOOLEAN = 4;
    private static final int DOUBLE = 5;
    private static final int OBJECT = 9;
    private static final int MAX_OBJECT = 1 << 20;

    /** Is told of what cannot be written down. */
    interface Report {
        void unwritable(Connection c, String what, Object value);
    }

    static final Report QUIET = (c, what, value) -> { };

    /** What is written down in place of a value that cannot be: a copy of what it says now. Null: none. */
    static volatile UnaryOperator<Object> copies = value -> null;

    private Codec() {}

    static byte[] record(Connection c, Report report) {
        return write(out -> {
            out.writeByte(FORMAT);
            out.writeLong(c.incarnation);
            out.writeLong(c.version);
            out.writeUTF(c.id);
            out.writeUTF(c.instance);
            string(out, c.uri);
            optional(out, c.subprotocol);
            optional(out, c.remote);
            List<Map.Entry<String, List<String>>> kept = new ArrayList<>();
            for (Map.Entry<String, List<String>> e : c.headers.entrySet()) {
                if (!isSecret(e.getKey())) {
                    kept.add(e);
                }
            }
            out.writeShort(kept.size());
            for (Map.Entry<String, List<String>> e : kept) {
                out.writeUTF(e.getKey());
                out.writeShort(e.getValue().size());
                for (String value : e.getValue()) {
                    string(out, value);
                }
            }
            content(out, c, report);
        });
    }

    /** Principal and attributes alone. */
    static byte[] content(Connection c, Report report) {
        return write(out -> content(out, c, report));
    }

    static Connection connection(byte[] record) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(record));
        if (in.readByte() != FORMAT) {
            throw new IOException("a session of another version of the library");
        }
        long incarnation = in.readLong();
        long version = in.readLong();
        Connection c = new Connection(in.readUTF(), in.readUTF(), string(in));
        c.incarnation = incarnation;
        c.version = version;
        c.subprotocol = optional(in);
        c.remote = optional(in);
        for (int headers = in.readUnsignedShort(); headers > 0; headers--) {
            String name = in.readUTF();
            List<String> values = new ArrayList<>();
            for (int n = in.readUnsignedShort(); n > 0; n--) {
                values.add(string(in));
            }
            c.headers.put(name, values);
        }
        read(in, c);
        return c;
    }

    static void read(byte[] content, Connection c) throws IOException {
        read(new DataInputStream(new ByteArrayInputStream(content)), c);
    }

    /** Whether strings, numbers and a name say it all. */
    static boolean plain(Connection c) {
        if (!(c.principal == null || c.principal instanceof Named)) {
            return false;
        }
        for (Object value : c.attributes.values()) {
            if (kind(value) == OBJECT) {
                return false;
            }
        }
        return true;
    }

    private static void content(DataOutputStream out, Connection c, Report report) throws IOException {
        byte[] principal = c.principal == null || c.principal instanceof Named ? null : serialized(c.principal);
        if (c.principal != null && !(c.principal instanceof Named) && principal == null) {
            report.unwritable(c, "the Principal", c.principal);
        }
        out.writeByte(c.principal == null ? NULL : principal == null ? STRING : OBJECT);
        if (principal != null) {
            out.writeInt(principal.length);
            out.write(principal);
        } else if (c.principal != null) {
            string(out, String.valueOf(c.principal.getName()));
        }
        Map<String, Object> attributes = new TreeMap<>(c.attributes);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream entries = new DataOutputStream(bytes);
        int count = 0;
        for (Map.Entry<String, Object> e : attributes.entrySet()) {
            Object value = e.getValue();
            Object copy = copies.apply(value);
            if (copy != null || !attribute(entries, e.getKey(), value)) {
                report.unwritable(c, "the attribute '" + e.getKey() + "'", value);
                count += copy != null && attribute(entries, e.getKey(), copy) ? 1 : 0;
            } else {
                count++;
            }
        }
        out.writeShort(count);
        bytes.writeTo(out);
    }

    private static boolean attribute(DataOutputStream out, String name, Object value) throws IOException {
        int kind = kind(value);
        byte[] object = kind == OBJECT ? serialized(value) : null;
        if (kind == OBJECT && object == null) {
            return false;
        }
        out.writeUTF(name);
        out.writeByte(kind);
        switch (kind) {
            case STRING: string(out, (String) value); break;
            case INTEGER: out.writeInt((Integer) value); break;
            case LONG: out.writeLong((Long) value); break;
            case BOOLEAN: out.writeBoolean((Boolean) value); break;
            case DOUBLE: out.writeDouble((Double) value); break;
            case OBJECT:
                out.writeInt(object.length);
                out.write(object);
                break;
            default: break;
        }
        return true;
    }

    private static void read(DataInputStream in, Connection c) throws IOException {
        int principal = in.readByte();
        if (principal == OBJECT) {
            Object read = deserialized(in, "the Principal");
            c.principal = read instanceof Principal ? (Principal) read : null;
        } else {
            c.principal = principal == NULL ? null : new Named(string(in));
        }
        for (int count = in.readUnsignedShort(); count > 0; count--) {
            String name = in.readUTF();
            Object value = null;
            switch (in.readByte()) {
                case STRING: value = string(in); break;
                case INTEGER: value = in.readInt(); break;
                case LONG: value = in.readLong(); break;
                case BOOLEAN: value = in.readBoolean(); break;
                case DOUBLE: value = in.readDouble(); break;
                case OBJECT: value = deserialized(in, "the attribute '" + name + "'"); break;
                default: break;
            }
            if (value != null) {
                c.attributes.put(name, value);
            }
        }
    }

    private static int kind(Object value) {
        return value == null ? NULL : value instanceof String ? STRING : value instanceof Integer ? INTEGER : value instanceof Long ? LONG
            : value instanceof Boolean ? BOOLEAN : value instanceof Double ? DOUBLE : OBJECT;
    }

    /** Null: it cannot be. */
    private static byte[] serialized(Object value) {
        if (!(value instanceof Serializable)) {
            return null;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        } catch (IOException | RuntimeException | StackOverflowError | LinkageError e) {
            return null;  // something in it is not serializable, was changed meanwhile, or is nested too deep
        }
        return bytes.size() > MAX_OBJECT ? null : bytes.toByteArray();
    }

    private static Object deserialized(DataInputStream in, String what) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > MAX_OBJECT) {
            throw new IOException(what + " has a length that cannot be");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        try (ObjectInputStream objects = new Loaded(new ByteArrayInputStream(bytes))) {
            return objects.readObject();
        } catch (IOException | ClassNotFoundException | RuntimeException | StackOverflowError | LinkageError e) {
            Log.warn(what + " of a session cannot be read any more, and is left out: " + e);
            return null;
        }
    }

    private static boolean isSecret(String header) {
        String name = header.toLowerCase(Locale.ROOT);
        return name.equals("cookie") || name.equals("authorization") || name.equals("proxy-authorization");
    }

    private static void string(DataOutputStream out, String s) throws IOException {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String string(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
            throw new IOException("a session that is cut off");
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static void optional(DataOutputStream out, String s) throws IOException {
        out.writeBoolean(s != null);
        if (s != null) {
            string(out, s);
        }
    }

    private static String optional(DataInputStream in) throws IOException {
        return in.readBoolean() ? string(in) : null;
    }

    private interface Writing {
        void to(DataOutputStream out) throws IOException;
    }

    private static byte[] write(Writing what) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            what.to(new DataOutputStream(bytes));
        } catch (IOException e) {
            throw new IllegalStateException(e);  // memory has no errors; a name of more than 65535 bytes does
        }
        return bytes.toByteArray();
    }

    /** Classes are the application's. */
    private static final class Loaded extends ObjectInputStream {
        Loaded(InputStream in) throws IOException {
            super(in);
        }

        @Override
        protected Class<?> resolveClass(ObjectStreamClass description) throws IOException, ClassNotFoundException {
            ClassLoader loader = Thread.currentThread().getContextClassLoader();
            try {
                return Class.forName(description.getName(), false, loader);
            } catch (ClassNotFoundException e) {
                return super.resolveClass(description);
            }
        }
    }
}
