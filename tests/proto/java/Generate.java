import java.io.*;
import java.lang.annotation.*;
import java.lang.reflect.*;
import java.math.*;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

/**
 * Writes samples of Java serialization: NAME.bin, and NAME.json with what it should become, which Canon works out from the live
 * objects. The results are in the repository, so that tests need no JDK. To make them again:
 * javac -d /tmp/generate Generate.java && java -cp /tmp/generate Generate generated
 */
public class Generate {
    /** A stand-in for a library's class: it has this name on the wire. */
    @Retention(RetentionPolicy.RUNTIME)
    @interface Named {
        String value();
    }

    /** What a stand-in's live object means. */
    interface Meaning {
        Object meaning();
    }

    // ------------------------------------------------------------------------------------------------ classes of an app

    enum Level {
        LOW,
        HIGH {
            @Override
            int weight() {
                return 2;
            }
        };
        int weight() { return 1; }
    }

    static class Notice implements Serializable {
        Long userId;
        String title;
        int level;
        boolean read;
        transient String cached = "never";
        static String shared = "never";
        Notice(Long userId, String title, int level, boolean read) {
            this.userId = userId;
            this.title = title;
            this.level = level;
            this.read = read;
        }
    }
    static class Push implements Serializable {
        String user;
        List<Notice> notices;
        Push(String user, List<Notice> notices) {
            this.user = user;
            this.notices = notices;
        }
    }
    static class Plain { int lost = 1; }
    static class OverPlain extends Plain implements Serializable {
        int kept = 2;
        String name = "over";
    }
    static class Upper implements Serializable {
        int id = 1;
        String name = "upper";
        private String own = "up";
    }
    static class Lower extends Upper {
        int id2 = 2;
        String name = "lower";
        private String own = "low";
    }
    static class Arrays1 implements Serializable {
        boolean[] z = {true, false};
        byte[] b = {0, 1, (byte) 255, 4};
        char[] c = "h\u00e9\ud83d\ude00\ud800".toCharArray();
        double[] d = {1, 0.1, Double.NaN, -0.0};
        float[] f = {1.1f, Float.NEGATIVE_INFINITY};
        int[] i = {};
        long[] j = {Long.MIN_VALUE, Long.MAX_VALUE};
        short[] s = {-1};
        int[][] ii = {{1}, {}, null, {2, 3}};
        String[] ss = {"a", null};
        Object[] oo = {1, "x", new int[] {7}};
        Byte[] bb = {1, null};
        Character[] cc = {'x'};
        Level[] e = {Level.HIGH};
        byte[] empty = {};
    }
    static class Self implements Serializable {
        String name = "self";
        Self me = this;
        Object[] in = {this, 1};
        Map<String, Object> map = new HashMap<>();
        { map.put("me", this); }
    }
    static class Pair implements Serializable {
        Object a, b, c;
        Pair(Object a, Object b, Object c) {
            this.a = a;
            this.b = b;
            this.c = c;
        }
    }
    static class Custom implements Serializable {
        int kept = 5;
        String also = "yes";
        transient int dropped = 6;
        private void writeObject(ObjectOutputStream out) throws IOException {
            out.defaultWriteObject();
            out.writeInt(99);
            out.writeUTF("extra");
            out.writeObject(new int[] {1});
            out.write(new byte[3000]);
        }
    }
    static class CustomLower extends Custom { String low = "low"; }
    /** Its writeObject() leaves the fields out and writes as many bytes as they would have. */
    static class Instead implements Serializable {
        long cents = 1;
        private void writeObject(ObjectOutputStream out) throws IOException {
            out.writeInt(5);
            out.writeShort(1);
        }
    }
    static class InsteadOfText implements Serializable {
        String text = "x";
        private void writeObject(ObjectOutputStream out) throws IOException { out.writeUTF("other"); }
    }
    static class Outside implements Externalizable {
        public Outside() {}
        public void writeExternal(ObjectOutput out) throws IOException {
            out.writeInt(1);
            out.writeObject("inner");
            out.write(new byte[2000]);
        }
        public void readExternal(ObjectInput in) {}
    }
    static class OutsideList extends ArrayList<String> implements Externalizable {
        public OutsideList() {}
        public void writeExternal(ObjectOutput out) throws IOException { out.writeInt(1); }
        public void readExternal(ObjectInput in) {}
    }
    static class Replaced implements Serializable {
        int x = 1;
        Object writeReplace() { return new Pair("instead", 1, null); }
    }
    record Point(int x, String label) implements Serializable {}
    static class MyList extends ArrayList<Object> { String own = "not seen"; }
    static class MyDate extends Date {
        String own = "not seen";
        MyDate(long t) { super(t); }
    }
    static class Node implements Serializable {
        String name;
        Node next;
        Node(String name, Node next) {
            this.name = name;
            this.next = next;
        }
    }

    // -------------------------------------------------------------------------------------------- stand-ins for libraries

    static class AbstractPersistent implements Serializable {
        boolean initialized = true;
        Object owner;
        String role = "com.example.Order.items";
    }
    @Named("org.hibernate.collection.internal.PersistentBag")
    static class Bag extends AbstractPersistent implements Meaning {
        List<Object> bag = new ArrayList<>(List.of(1, "a"));
        public Object meaning() { return bag; }
    }
    @Named("org.hibernate.collection.spi.PersistentSet")
    static class PSet extends AbstractPersistent implements Meaning {
        Set<Object> set = new HashSet<>(Set.of("only"));
        public Object meaning() { return set; }
    }
    @Named("org.hibernate.collection.internal.PersistentMap")
    static class PMap extends AbstractPersistent implements Meaning {
        Map<Object, Object> map = new HashMap<>(Map.of("k", 1));
        public Object meaning() { return map; }
    }
    @Named("org.hibernate.collection.internal.PersistentList")
    static class PList extends AbstractPersistent implements Meaning {
        List<Object> list = null;
        public Object meaning() { return list; }
    }
    @Named("com.google.common.collect.ImmutableList$SerializedForm")
    static class GList implements Serializable, Meaning {
        Object[] elements = {"a", 1};
        public Object meaning() { return elements; }
    }
    @Named("com.google.common.collect.ImmutableMap$SerializedForm")
    static class GMap implements Serializable, Meaning {
        Object keys = new Object[] {"a", 2};
        Object values = new Object[] {1, "b"};
        public Object meaning() {
            var m = new LinkedHashMap<Object, Object>();
            m.put("a", 1);
            m.put(2, "b");
            return m;
        }
    }
    @Named("org.springframework.util.MultiValueMapAdapter")
    static class MapAdapter implements Serializable, Meaning {
        Map<String, List<String>> targetMap = new LinkedHashMap<>(Map.of("h", new LinkedList<>(List.of("1", "2"))));
        public Object meaning() { return targetMap; }
    }
    @Named("org.springframework.util.LinkedMultiValueMap")
    static class MultiMap extends MapAdapter {}
    @Named("org.joda.time.base.AbstractInstant")
    static class JodaBase implements Serializable {}
    @Named("org.joda.time.base.BaseDateTime")
    static class JodaDateTime extends JodaBase implements Meaning {
        long iMillis = 1540171800123L;
        Object iChronology = null;
        public Object meaning() { return iMillis; }
    }
    @Named("org.joda.time.DateTime")
    static class Joda extends JodaDateTime {}
    @Named("com.alibaba.fastjson.JSONObject")
    static class FastObject implements Serializable, Meaning {
        Map<String, Object> map = new HashMap<>(Map.of("n", 1L));
        public Object meaning() { return map; }
    }

    /** Gives stand-ins their names. */
    static class Out extends ObjectOutputStream {
        Out(OutputStream out) throws IOException { super(out); }
        @Override
        protected void writeClassDescriptor(ObjectStreamClass desc) throws IOException {
            Named named = desc.forClass() == null ? null : desc.forClass().getAnnotation(Named.class);
            if (named == null) {
                super.writeClassDescriptor(desc);
                return;
            }
            writeUTF(named.value());
            writeLong(1);
            writeByte(ObjectStreamConstants.SC_SERIALIZABLE);
            ObjectStreamField[] fields = desc.getFields();
            writeShort(fields.length);
            for (ObjectStreamField f : fields) {
                writeByte(f.getTypeCode());
                writeUTF(f.getName());
                if (!f.isPrimitive()) {
                    writeObject(f.getTypeString());
                }
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------------- Canon

    /** JSON of a live object. */
    static class Canon {
        final StringBuilder out = new StringBuilder();
        final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());

        static String of(Object o) throws Exception {
            Canon c = new Canon();
            c.value(o);
            return c.out.toString();
        }

        void quote(String s) {
            byte[] utf16 = s.getBytes(StandardCharsets.UTF_16BE); // lone surrogates become U+FFFD
            s = new String(utf16, StandardCharsets.UTF_16BE);
            out.append('"');
            for (char c : s.toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < 0x20) {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            out.append('"');
        }

        void value(Object o) throws Exception {
            if (o == null || (!(o instanceof String) && open.contains(o))) {
                out.append("null");
                return;
            }
            Object same = o;
            boolean container = !(o instanceof Number || o instanceof String || o instanceof Enum);
            if (container) {
                open.add(same);
            }
            body(o);
            if (container) {
                open.remove(same);
            }
        }

        void body(Object o) throws Exception {
            if (o instanceof Meaning m) {
                value(m.meaning());
            } else if (o instanceof Double || o instanceof Float) {
                double d = ((Number) o).doubleValue();
                if (Double.isFinite(d)) {
                    out.append(o);
                } else {
                    quote(o.toString());
                }
            } else if (o instanceof BigDecimal d) {
                out.append(Math.abs(d.scale()) > 100 ? d.toString() : d.toPlainString());
            } else if (o instanceof Number || o instanceof Boolean || o instanceof AtomicBoolean) {
                out.append(o);
            } else if (o instanceof AtomicReference<?> r) {
                value(r.get());
            } else if (o instanceof Class<?> c) {
                quote(c.getName());
            } else if (o instanceof Enum<?> e) {
                quote(e.name());
            } else if (o instanceof CharSequence || o instanceof Character || o instanceof UUID || o instanceof URI
                || o instanceof Currency) {
                quote(o.toString());
            } else if (o instanceof Date d) {
                out.append(d.getTime());
            } else if (o instanceof Calendar c) {
                out.append(c.getTimeInMillis());
            } else if (o instanceof Year y) {
                out.append(y.getValue());
            } else if (o instanceof Duration || o instanceof Period || o instanceof ZoneId || o instanceof YearMonth
                || o instanceof MonthDay) {
                quote(o.toString());
            } else if (o instanceof TemporalAccessor t) {
                quote(formatter(t).format(t));
            } else if (o instanceof byte[] b) {
                quote(Base64.getEncoder().encodeToString(b));
            } else if (o instanceof char[] c) {
                quote(new String(c));
            } else if (o.getClass().isArray()) {
                List<Object> l = new ArrayList<>();
                for (int i = 0; i < Array.getLength(o); ++i) {
                    l.add(Array.get(o, i));
                }
                list(l);
            } else if (o instanceof Collection<?> c) {
                list(c);
            } else if (o instanceof Map<?, ?> m) {
                map(m.entrySet());
            } else if (o instanceof Map.Entry<?, ?> e) {
                map(List.of(e));
            } else {
                object(o);
            }
        }

        static DateTimeFormatter formatter(TemporalAccessor t) {
            if (t instanceof Instant) {
                return DateTimeFormatter.ISO_INSTANT;
            }
            if (t instanceof LocalDate) {
                return DateTimeFormatter.ISO_LOCAL_DATE;
            }
            if (t instanceof LocalTime) {
                return DateTimeFormatter.ISO_LOCAL_TIME;
            }
            if (t instanceof LocalDateTime) {
                return DateTimeFormatter.ISO_LOCAL_DATE_TIME;
            }
            if (t instanceof OffsetTime) {
                return DateTimeFormatter.ISO_OFFSET_TIME;
            }
            return DateTimeFormatter.ISO_OFFSET_DATE_TIME;
        }

        void list(Collection<?> c) throws Exception {
            String comma = "";
            out.append('[');
            for (Object x : c) {
                out.append(comma);
                comma = ",";
                value(x);
            }
            out.append(']');
        }

        void map(Collection<? extends Map.Entry<?, ?>> entries) throws Exception {
            String comma = "";
            out.append('{');
            for (Map.Entry<?, ?> e : entries) {
                out.append(comma);
                comma = ",";
                String key = of(e.getKey());
                if (key.startsWith("\"")) {
                    out.append(key);
                } else {
                    quote(key);
                }
                out.append(':');
                value(e.getValue());
            }
            out.append('}');
        }

        void object(Object o) throws Exception {
            for (Class<?> c = o.getClass(); c != null; c = c.getSuperclass()) {
                for (Method m : c.getDeclaredMethods()) {
                    if (m.getName().equals("writeReplace") && m.getParameterCount() == 0) {
                        m.setAccessible(true);
                        value(m.invoke(o));
                        return;
                    }
                }
            }
            Deque<Class<?>> chain = new ArrayDeque<>();
            for (Class<?> c = o.getClass(); c != null && Serializable.class.isAssignableFrom(c); c = c.getSuperclass()) {
                chain.push(c);
            }
            List<Field> fields = new ArrayList<>();
            for (Class<?> c : chain) {
                Stream.of(c.getDeclaredFields())
                    .filter(f -> (f.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) == 0)
                    .sorted(Comparator.comparing((Field f) -> !f.getType().isPrimitive()).thenComparing(Field::getName))
                    .forEach(fields::add);
            }
            Set<String> later = new HashSet<>();
            List<Field> seen = new ArrayList<>();
            for (int i = fields.size() - 1; i >= 0; --i) {
                if (later.add(fields.get(i).getName())) {
                    seen.add(0, fields.get(i));
                }
            }
            String comma = "";
            out.append('{');
            for (Field f : seen) {
                f.setAccessible(true);
                out.append(comma);
                comma = ",";
                quote(f.getName());
                out.append(':');
                value(f.get(o));
            }
            out.append('}');
        }
    }

    // ----------------------------------------------------------------------------------------------------------- samples

    static Path folder;

    static byte[] bytes(Object o) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (Out out = new Out(bytes)) {
            out.writeObject(o);
        }
        return bytes.toByteArray();
    }

    static void sample(String name, Object o) throws Exception {
        Files.write(folder.resolve(name + ".bin"), bytes(o));
        Files.writeString(folder.resolve(name + ".json"), Canon.of(o));
    }

    /** Several samples in one stream each: what differs is found by its place. */
    static void samples(String name, Object... all) throws Exception { sample(name, new ArrayList<>(Arrays.asList(all))); }

    static <T> T fill(T to, Object... all) {
        for (Object o : all) {
            @SuppressWarnings("unchecked") Collection<Object> c = (Collection<Object>) to;
            c.add(o);
        }
        return to;
    }

    static Map<Object, Object> fill(Map<Object, Object> to) {
        to.put("a", 1);
        to.put("b", null);
        to.put("c", List.of());
        return to;
    }
    static Map<Object, Object> fillNoNull(Map<Object, Object> to) {
        to.put("a", 1);
        to.put("c", "d");
        return to;
    }
    static Notice notice(long id) { return new Notice(id, "t" + id, (int) id, id % 2 == 0); }
    static Date date(long ms) { return new Date(ms); }

    public static void main(String[] args) throws Exception {
        folder = Files.createDirectories(Paths.get(args[0]));
        Notice one = notice(1);

        sample("string_json", "{\"userId\":42,\"title\":\"hi\"}");
        sample("string_empty", "");
        sample("string_planes", "\u0000\u0001\u007f\u0080\u07ff\u0800\uffff\ud83d\ude00 \ude00\ud83d x\ud800");
        sample("null_value", null);
        sample("push_empty_list", new Push("u", new ArrayList<>()));
        sample("push_aslist", new Push("u", Arrays.asList(notice(1), notice(2), null)));
        sample("push_to_list", new Push("u", Stream.of(notice(1), (Notice) null).toList()));
        sample("shared_reference", new Pair(one, Arrays.asList(one, one), "x"));
        sample("shared_string", new Pair("s", "s", new String("s")));
        sample("cyclic_self", new Self());
        sample("user_notice", notice(42));
        sample("non_serializable_superclass", new OverPlain());
        sample("same_name_in_superclass", new Lower());
        sample("arrays", new Arrays1());
        sample("record", new Point(3, "p"));
        samples("write_replace", new Replaced(), new Replaced());
        samples("subclasses", fill(new MyList(), 1, 2), new MyDate(5), new HashMap<>() {
            { put("double", "brace"); }
        });
        samples("classes", String.class, int.class, int[].class, Runnable.class, Level.class, Notice.class,
            ObjectStreamClass.lookup(Notice.class).forClass());

        GregorianCalendar calendar = new GregorianCalendar(TimeZone.getTimeZone("Asia/Shanghai"));
        calendar.setTimeInMillis(1540171800123L);
        java.sql.Timestamp ts = new java.sql.Timestamp(-1L);
        ts.setNanos(123456789);
        samples("dates", date(1540171800123L), date(0), date(-1), date(Long.MAX_VALUE), date(Long.MIN_VALUE),
            new java.sql.Date(86400000L), new java.sql.Time(3600000L), new java.sql.Timestamp(1540171800123L), ts, calendar);
        samples("java_time", LocalDateTime.of(2018, 10, 22, 9, 30), LocalDateTime.of(2018, 10, 22, 9, 30, 1, 500),
            LocalDate.of(-1, 1, 31), LocalDate.of(12345, 12, 1), LocalTime.of(0, 0), LocalTime.of(1, 2), LocalTime.of(1, 2, 3),
            LocalTime.of(1, 2, 3, 4), LocalTime.MAX, LocalDate.MIN, LocalDate.MAX,
            OffsetTime.of(1, 2, 3, 0, ZoneOffset.ofHoursMinutesSeconds(-1, -2, -3)),
            OffsetDateTime.of(2018, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC),
            ZonedDateTime.of(2018, 7, 1, 1, 2, 3, 4000000, ZoneId.of("Europe/Berlin")),
            ZonedDateTime.of(2018, 7, 1, 1, 2, 3, 4, ZoneOffset.ofHours(5)), Instant.EPOCH, Instant.ofEpochSecond(-1, 1),
            Instant.ofEpochMilli(1540171800123L), Instant.MIN, Instant.MAX, Instant.parse("2000-02-29T23:59:59Z"),
            Instant.parse("1900-03-01T00:00:00Z"), Duration.ZERO, Duration.ofMillis(-1500), Duration.ofMillis(-500),
            Duration.ofSeconds(Long.MIN_VALUE), Duration.ofHours(25), Duration.ofSeconds(61, 1), Period.ZERO,
            Period.of(-1, 2, -3), Year.of(-5), YearMonth.of(2018, 1), MonthDay.of(2, 29), ZoneId.of("UTC"), ZoneOffset.MIN,
            ZoneOffset.ofTotalSeconds(1), DayOfWeek.MONDAY, Month.MAY);
        samples("big_numbers", BigInteger.ZERO, BigInteger.ONE.negate(), new BigInteger("123456789012345678901234567890"),
            BigInteger.TEN.pow(300).negate(), BigInteger.TWO.pow(64), BigInteger.TEN.pow(9), new BigDecimal("12.50"),
            new BigDecimal("-0.001"), new BigDecimal("0.00"), new BigDecimal("1E+3"), new BigDecimal("0E+3"),
            new BigDecimal("1E+101"), new BigDecimal("-1.23E-120"), new BigDecimal("1E-100"), new BigDecimal("1E-101"),
            new BigDecimal(BigInteger.TEN.pow(200), 101), new BigDecimal(BigInteger.TEN.pow(101), 101),
            new BigDecimal("123456789.987654321"));
        samples("numbers", (byte) -1, (short) -2, 3, -4L, Long.MIN_VALUE, 1.0f, 0.1f, 3.4028235E38f, 1.4E-45f, 1.0E10f, 1.0,
            0.1, 100.0, 123456.789, 1234567.0, 9999999.0, 1.0E7, 0.001, 1.0E-4, 1.7976931348623157E308, 4.9E-324, -0.0,
            Double.NaN, Float.POSITIVE_INFINITY, 'x', '\u0000', '\ud800', '"', true, new AtomicInteger(1), new AtomicLong(2),
            new AtomicBoolean(false), new AtomicReference<>("r"));
        sample("boxed_long", 9007199254740993L);
        sample("boxed_double", 0.1);
        sample("boxed_character", 'x');
        sample("enum_constant", Level.HIGH);
        EnumMap<Level, Object> em = new EnumMap<>(Level.class);
        em.put(Level.HIGH, 1);
        em.put(Level.LOW, null);
        samples("enums", Level.LOW, Level.HIGH, em, EnumSet.allOf(Level.class), EnumSet.noneOf(Level.class),
            new EnumMap<>(Level.class), TimeUnit.DAYS);

        sample("hash_map_single", new HashMap<>(Map.of("k", "v")));
        samples("hash_set", fill(new HashSet<>(), "a", 1, null), new HashSet<>(), fill(new LinkedHashSet<>(), 3, 1, 2));
        samples(
            "tree_set", fill(new TreeSet<>(), "b", "a"), fill(new TreeSet<>(Comparator.reverseOrder()), 1, 2), new TreeSet<>());
        BlockingQueue<Object> ring = new ArrayBlockingQueue<>(3);
        ring.add(1);
        ring.add(2);
        ring.add(3);
        ring.take();
        ring.take();
        ring.add(4);
        samples("queues", ring, new ArrayBlockingQueue<>(2), fill(new PriorityQueue<>(), 3, 1, 2),
            fill(new PriorityBlockingQueue<>(), 2, 1), fill(new ArrayDeque<>(), 1, 2), fill(new LinkedTransferQueue<>(), 1),
            fill(new LinkedBlockingQueue<>(), 1), fill(new LinkedBlockingDeque<>(), 1), fill(new ConcurrentLinkedQueue<>(), 1),
            fill(new ConcurrentLinkedDeque<>(), 1), new ConcurrentLinkedQueue<>());
        samples("lists", fill(new LinkedList<>(), 1, null), fill(new CopyOnWriteArrayList<>(), 1, null),
            fill(new CopyOnWriteArraySet<>(), 1), fill(new Vector<>(), 1, null), fill(new Stack<>(), 1),
            fill(new ArrayList<>(100), null, null));
        samples("immutables", List.of(), List.of(1), List.of(1, 2, 3), Set.of(), Set.of(1), Map.of(), Map.of("k", 1),
            List.copyOf(Set.of(1)));
        List<Object> base = fill(new ArrayList<Object>(), 1, "x");
        samples("collections_wrappers", Collections.unmodifiableList(base),
            Collections.unmodifiableList(fill(new LinkedList<>(), 1)), Collections.unmodifiableCollection(base),
            Collections.unmodifiableSet(fill(new HashSet<>(), 1)),
            Collections.unmodifiableSortedSet(fill(new TreeSet<>(), 2, 1)),
            Collections.unmodifiableMap(fill(new LinkedHashMap<>())),
            Collections.unmodifiableSortedMap(new TreeMap<>(Map.of("a", 1))),
            Collections.unmodifiableNavigableMap(new TreeMap<>(Map.of("a", 1))),
            Collections.unmodifiableNavigableSet(new TreeSet<>(Set.of(1))), Collections.synchronizedList(base),
            Collections.synchronizedCollection(base), Collections.synchronizedSet(fill(new HashSet<>(), 1)),
            Collections.synchronizedSortedSet(fill(new TreeSet<>(), 1)), Collections.synchronizedMap(fill(new HashMap<>())),
            Collections.synchronizedSortedMap(new TreeMap<>(Map.of("a", 1))), Collections.checkedList(base, Object.class),
            Collections.checkedMap(fill(new HashMap<>()), Object.class, Object.class),
            Collections.checkedSet(fill(new HashSet<>(), 1), Object.class), Collections.emptyList(), Collections.emptySet(),
            Collections.emptyMap(), Collections.singletonList(null), Collections.singleton(1),
            Collections.singletonMap("k", null), Collections.nCopies(3, "c"), Collections.nCopies(0, "c"),
            fill(Collections.newSetFromMap(new LinkedHashMap<Object, Boolean>()), 1, "b"),
            fill(Collections.newSetFromMap(Collections.synchronizedMap(new ConcurrentHashMap<Object, Boolean>())), 1),
            fill(ConcurrentHashMap.newKeySet(), "k"), Collections.asLifoQueue(fill(new ArrayDeque<>(), 1)), Arrays.asList(),
            Arrays.asList(1, null), Arrays.asList(new Integer[] {1}));
        ConcurrentSkipListSet<Object> skip = fill(new ConcurrentSkipListSet<>(), 2, 1);
        Properties properties = new Properties(new Properties());
        properties.put("p", "v");
        samples("maps", fill(new HashMap<>()), fill(new LinkedHashMap<>(16, 0.7f, true)), fill(new TreeMap<>()),
            fillNoNull(new Hashtable<>()), properties, fillNoNull(new ConcurrentHashMap<>()),
            fillNoNull(new ConcurrentSkipListMap<>()), skip, fill(new IdentityHashMap<>()), new HashMap<>(),
            new ConcurrentHashMap<>(), new TreeMap<>(Comparator.reverseOrder()), new ConcurrentSkipListMap<>());
        Map<Object, Object> keys = new LinkedHashMap<>();
        keys.put(1, 1);
        keys.put(2L, 2);
        keys.put(1.5, 3);
        keys.put(true, 4);
        keys.put('c', 5);
        keys.put(Level.LOW, 6);
        keys.put(null, 7);
        keys.put(date(5), 8);
        keys.put(new BigDecimal("1.50"), 9);
        keys.put(UUID.fromString("33fdd1b6-b496-4b33-9f7d-df96679d32fe"), 10);
        keys.put(LocalDate.of(2018, 1, 2), 11);
        keys.put(List.of("a\"", 1), 12);
        keys.put(new Point(1, "k"), 13);
        keys.put(List.of(Map.of(List.of("\\"), 1)), 14);
        sample("map_keys", keys);
        samples("simple_entry", new AbstractMap.SimpleEntry<>("k", 1), new AbstractMap.SimpleImmutableEntry<>(2, "v"));
        samples("texts", new StringBuilder("sb\ud83d\ude00"), new StringBuffer("buf"), new StringBuilder(),
            UUID.fromString("00000000-0000-0001-ffff-ffffffffffff"), URI.create("http://h/p?q=1"), Currency.getInstance("CNY"));
        samples("libraries", new Bag(), new PSet(), new PMap(), new PList(), new GList(), new GMap(), new MultiMap(),
            new MapAdapter(), new Joda(), new FastObject());

        Object deep = "leaf";
        for (int i = 0; i < 40; ++i) {
            deep = fill(new ArrayList<>(), deep);
        }
        sample("deep_40", deep);
        Node chain = null;
        for (int i = 0; i < 60; ++i) {
            chain = new Node("n" + i, chain);
        }
        sample("chain_60", chain);
        Object maps = "leaf";
        for (int i = 0; i < 40; ++i) {
            maps = new HashMap<>(Map.of("m", maps));
        }
        sample("deep_maps_40", maps);
        sample("many", IntStream.range(0, 50).mapToObj(Generate::notice).collect(Collectors.toCollection(ArrayList::new)));

        // Streams to be refused: no .json
        Set<Object> root = new HashSet<>(), a = root, b = new HashSet<>();
        for (int i = 0; i < 30; ++i) {
            Set<Object> a2 = new HashSet<>(), b2 = new HashSet<>();
            a2.add("foo");
            a.add(a2);
            a.add(b2);
            b.add(a2);
            b.add(b2);
            a = a2;
            b = b2;
        }
        hostile("billion_laughs", bytes(root));
        hostile("lambda", bytes(List.of((Callable<String> & Serializable) () -> "x")));
        hostile("proxy_within",
            bytes(new Pair("x",
                Proxy.newProxyInstance(Generate.class.getClassLoader(), new Class<?>[] {Comparable.class}, new Handler()),
                null)));
        hostile("copies", bytes(Collections.nCopies(1_000_000_000, "x")));
        hostile("big_integer", bytes(BigInteger.ONE.shiftLeft(5000)));
        hostile("writer_failed", failed());
        hostile("custom_write_object", bytes(new CustomLower()));
        hostile("instead_of_fields", bytes(new Instead()));
        hostile("instead_of_text", bytes(new InsteadOfText()));
        hostile("externalizable", bytes(new ArrayList<>(Arrays.asList(new Outside(), new OutsideList(), new Outside()))));
        ByteArrayOutputStream primitive = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(primitive)) {
            out.writeInt(1);
        }
        hostile("primitive_data", primitive.toByteArray());
        ByteArrayOutputStream old = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(old)) {
            out.useProtocolVersion(ObjectStreamConstants.PROTOCOL_VERSION_1);
            out.writeObject(new Outside());
        }
        hostile("protocol_1", old.toByteArray());
    }

    static class Handler implements InvocationHandler, Serializable {
        public Object invoke(Object p, Method m, Object[] a) { return 0; }
    }

    static byte[] failed() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(new Pair("x", new Object(), null));
        } catch (NotSerializableException e) {
            return bytes.toByteArray();
        }
        throw new AssertionError();
    }

    static void hostile(String name, byte[] bytes) throws IOException {
        Files.write(folder.resolve("hostile_" + name + ".bin"), bytes);
    }
}
