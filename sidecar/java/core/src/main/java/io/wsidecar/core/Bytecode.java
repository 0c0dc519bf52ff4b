package io.wsidecar.core;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads a compiled class far enough to say what its methods call, and in which line. Nothing is loaded and nothing is executed. */
public final class Bytecode {
    private static final int LARGEST_CLASS = 4 << 20;
    private static final int[] LENGTHS = lengths();
    private static final int TABLESWITCH = 0xaa;
    private static final int LOOKUPSWITCH = 0xab;
    private static final int WIDE = 0xc4;
    private static final int IINC = 0x84;

    /** A method call; that of a constructor has the name {@code <init>}. */
    public static final class Call {
        public final String method;
        public final String owner;
        public final String name;
        public final int line;
        /** The int that was pushed last before it; 0: none was. */
        public final int argument;

        Call(String method, String owner, String name, int line, int argument) {
            this.method = method;
            this.owner = owner;
            this.name = name;
            this.line = line;
            this.argument = argument;
        }
    }

    /** A method and its first line; 0: it was compiled without lines. */
    public static final class Method {
        public final String name;
        public final String descriptor;
        public final int line;

        Method(String name, String descriptor, int line) {
            this.name = name;
            this.descriptor = descriptor;
            this.line = line;
        }
    }

    public final List<Method> methods = new ArrayList<>();
    public final List<Call> calls = new ArrayList<>();
    public final String className;
    private final Object[] constants;
    private String source = "";

    private Bytecode(DataInputStream in) throws IOException {
        in.skipBytes(8);
        constants = constants(in);
        in.skipBytes(2);
        Object self = constants[in.readUnsignedShort()];
        className = self instanceof int[] ? text(((int[]) self)[0]).replace('/', '.') : "";
        in.skipBytes(2);
        in.skipBytes(2 * in.readUnsignedShort());
        for (int fields = in.readUnsignedShort(); fields > 0; fields--) {
            in.skipBytes(6);
            attributes(in, (name, content) -> { });
        }
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            in.skipBytes(2);
            String name = text(in.readUnsignedShort());
            String descriptor = text(in.readUnsignedShort());
            int before = methods.size();
            attributes(in, (kind, content) -> {
                if (kind.equals("Code")) {
                    code(name, descriptor, content);
                }
            });
            if (methods.size() == before) {
                methods.add(new Method(name, descriptor, 0));
            }
        }
        attributes(in, (kind, content) -> {
            if (kind.equals("SourceFile")) {
                source = text(((content[0] & 0xff) << 8) | content[1] & 0xff);
            }
        });
    }

    /** Null: its file is not there, or is not read. */
    public static Bytecode of(Class<?> type) {
        String name = type.getName();
        try (InputStream in = type.getResourceAsStream(name.substring(name.lastIndexOf('.') + 1) + ".class")) {
            return of(in);
        } catch (IOException e) {
            return null;
        }
    }

    /** Null: there is nothing, or it is not read. */
    public static Bytecode of(InputStream in) {
        if (in == null) {
            return null;
        }
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            byte[] some = new byte[8192];
            for (int n = in.read(some); n >= 0 && bytes.size() <= LARGEST_CLASS; n = in.read(some)) {
                bytes.write(some, 0, n);
            }
            return new Bytecode(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray())));
        } catch (IOException | RuntimeException e) {
            return null;  // what cannot be read is not warned of
        }
    }

    /** Class.method(File.java:12), as in a stack trace. */
    public String place(Class<?> type, String method, int line) {
        return place(type.getName(), method, line);
    }

    /** The same of the class that was read. */
    public String place(String method, int line) {
        return place(className, method, line);
    }

    private String place(String type, String method, int line) {
        String file = source.isEmpty() ? "Unknown Source" : line > 0 ? source + ":" + line : source;
        return type + "." + method + "(" + file + ")";
    }

    /** The first line of the class's first method. */
    public int firstLine() {
        int first = 0;
        for (Method m : methods) {
            first = m.line > 0 && (first == 0 || m.line < first) ? m.line : first;
        }
        return first;
    }

    private interface Attribute {
        void is(String name, byte[] content) throws IOException;
    }

    private void attributes(DataInputStream in, Attribute each) throws IOException {
        for (int left = in.readUnsignedShort(); left > 0; left--) {
            String name = text(in.readUnsignedShort());
            byte[] content = new byte[in.readInt()];
            in.readFully(content);
            each.is(name, content);
        }
    }

    private String text(int index) {
        Object constant = constants[index];
        return constant instanceof String ? (String) constant : "";
    }

    /** Strings are those of Utf8 entries; an int[] has the indexes that an entry refers to; an Integer is one. */
    private static Object[] constants(DataInputStream in) throws IOException {
        Object[] all = new Object[in.readUnsignedShort()];
        for (int i = 1; i < all.length; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1: all[i] = in.readUTF(); break;
                case 3: all[i] = in.readInt(); break;
                case 4: in.skipBytes(4); break;
                case 5: case 6:
                    in.skipBytes(8);
                    i++;  // they take two entries
                    break;
                case 7: case 8: case 16: case 19: case 20: all[i] = new int[] {in.readUnsignedShort()}; break;
                case 15: in.skipBytes(3); break;
                case 9: case 10: case 11: case 12: case 17: case 18: all[i] = new int[] {in.readUnsignedShort(), in.readUnsignedShort()}; break;
                default: throw new IOException("a constant of kind " + tag);
            }
        }
        return all;
    }

    private void code(String method, String descriptor, byte[] content) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(content));
        in.skipBytes(4);
        byte[] code = new byte[in.readInt()];
        in.readFully(code);
        in.skipBytes(8 * in.readUnsignedShort());
        int[] lines = new int[code.length];
        attributes(in, (name, table) -> {
            if (name.equals("LineNumberTable")) {
                DataInputStream entries = new DataInputStream(new ByteArrayInputStream(table));
                for (int left = entries.readUnsignedShort(); left > 0; left--) {
                    lines[entries.readUnsignedShort()] = entries.readUnsignedShort();
                }
            }
        });
        methods.add(new Method(method, descriptor, code.length == 0 ? 0 : lines[0]));
        int line = 0;
        int pushed = 0;
        for (int at = 0; at < code.length; at += length(code, at)) {
            line = lines[at] != 0 ? lines[at] : line;
            int opcode = code[at] & 0xff;
            if (opcode >= 0xb6 && opcode <= 0xb9) {
                call(method, constants[two(code, at + 1)], line, pushed);
                pushed = 0;
            } else if (opcode == 0x10 || opcode == 0x11) {
                pushed = opcode == 0x10 ? code[at + 1] : (short) two(code, at + 1);
            } else if (opcode == 0x12 || opcode == 0x13) {
                Object constant = constants[opcode == 0x12 ? code[at + 1] & 0xff : two(code, at + 1)];
                pushed = constant instanceof Integer ? (Integer) constant : pushed;
            }
        }
    }

    private void call(String method, Object reference, int line, int pushed) {
        if (reference instanceof int[] && ((int[]) reference).length == 2) {
            int[] it = (int[]) reference;
            Object owner = constants[it[0]];
            Object name = constants[it[1]];
            if (owner instanceof int[] && name instanceof int[] && ((int[]) name).length == 2) {
                calls.add(new Call(method, text(((int[]) owner)[0]), text(((int[]) name)[0]), line, pushed));
            }
        }
    }

    private static int length(byte[] code, int at) {
        int opcode = code[at] & 0xff;
        int aligned = (at + 4) & ~3;
        if (opcode == TABLESWITCH) {
            return aligned + 12 + 4 * (four(code, aligned + 8) - four(code, aligned + 4) + 1) - at;
        } else if (opcode == LOOKUPSWITCH) {
            return aligned + 8 + 8 * four(code, aligned + 4) - at;
        } else if (opcode == WIDE) {
            return (code[at + 1] & 0xff) == IINC ? 6 : 4;
        }
        return LENGTHS[opcode];
    }

    private static int two(byte[] code, int at) {
        return (code[at] & 0xff) << 8 | code[at + 1] & 0xff;
    }

    private static int four(byte[] code, int at) {
        return two(code, at) << 16 | two(code, at + 2);
    }

    /** How many bytes an instruction takes with its operands; most take one. */
    private static int[] lengths() {
        int[] all = new int[256];
        Arrays.fill(all, 1);
        range(all, 2, 0x10, 0x10, 0x12, 0x12, 0x15, 0x19, 0x36, 0x3a, 0xa9, 0xa9, 0xbc, 0xbc);
        range(all, 3, 0x11, 0x11, 0x13, 0x14, 0x84, 0x84, 0x99, 0xa8, 0xb2, 0xb8, 0xbb, 0xbb, 0xbd, 0xbd, 0xc0, 0xc1, 0xc6, 0xc7);
        range(all, 4, 0xc5, 0xc5);
        range(all, 5, 0xb9, 0xba, 0xc8, 0xc9);
        return all;
    }

    private static void range(int[] all, int length, int... bounds) {
        for (int i = 0; i < bounds.length; i += 2) {
            Arrays.fill(all, bounds[i], bounds[i + 1] + 1, length);
        }
    }
}
