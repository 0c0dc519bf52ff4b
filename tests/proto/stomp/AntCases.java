import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Random;
import java.util.Set;
import org.springframework.util.AntPathMatcher;

/**
 * Writes what Spring's AntPathMatcher says: rows of separator, pattern, path, isPattern(pattern), match(pattern, path); the last is
 * "threw" for a pattern that Spring gives up on. The results are in ant_cases.json, so that tests need no JDK. To make them again,
 * with a spring-core JAR: java -cp spring-core-6.2.11.jar AntCases.java > ant_cases.json
 */
public class AntCases {
    static final String[][] TABLE = {
        // equal, and not
        {"", ""}, {"", "/"}, {"/", ""}, {"/", "/"}, {"//", "/"}, {"test", "test"}, {"/test", "/test"}, {"/test", "test"},
        {"test", "/test"}, {"/test", "/test/"}, {"/test/", "/test"}, {"/test/", "/test/"}, {"/topic/a", "/topic//a"},
        {"/topic//a", "/topic/a"}, {"/Topic/a", "/topic/a"}, {"/topic/a ", "/topic/a"}, {"/topic/a", "/topic/a/b"},
        {"/topic/a/b", "/topic/a"}, {"https://a.org", "https://a.org"}, {"/topic/{}", "/topic//{}"}, {"/topic/a{", "/topic/a{"},
        {"/topic/}a{", "/topic//}a{"},
        // ?
        {"t?st", "test"}, {"??st", "test"}, {"tes?", "test"}, {"te??", "test"}, {"?es?", "test"}, {"tes?", "tes"}, {"tes?", "testt"},
        {"tes?", "tsst"}, {"/?", "/a"}, {"/?/a", "/a/a"}, {"/a/?", "/a/b"}, {"/??/a", "/aa/a"}, {"/a/??", "/a/bb"}, {"/?", "/"},
        {"/a/?", "/a/"}, {"/a/?", "/a"}, {"/?", "/\u5F20"}, {"/??", "/\u5F20"}, {"/?", "/\uD83D\uDE00"}, {"/??", "/\uD83D\uDE00"},
        {"/a?b", "/a\uD83D\uDE00b"}, {"/?", "/\n"}, {"/a?b", "/a/b"},
        // *
        {"*", "test"}, {"test*", "test"}, {"test*", "testTest"}, {"test/*", "test/Test"}, {"test/*", "test/t"}, {"test/*", "test/"},
        {"*test*", "AnothertestTest"}, {"*test", "Anothertest"}, {"*.*", "test."}, {"*.*", "test.test"}, {"*.*", "test.test.test"},
        {"test*aaa", "testblaaaa"}, {"test*", "tst"}, {"test*", "tsttest"}, {"test*", "test/"}, {"test*", "test/t"},
        {"test/*", "test"}, {"*test*", "tsttst"}, {"*test", "tsttst"}, {"*.*", "tsttst"}, {"test*aaa", "test"},
        {"test*aaa", "testblaaab"}, {"/*", "/"}, {"/*", ""}, {"/*", "/a"}, {"/*", "/a/"}, {"/*/", "/a"}, {"/*/", "/a/"}, {"/*/a", "/a"},
        {"/topic/*", "/topic"}, {"/topic/*", "/topic/"}, {"/topic/*", "/topic//"}, {"/topic/*", "/topic/a"}, {"/topic/*", "/topic/a/"},
        {"/topic/*", "/topic/a/b"}, {"/topic/*/", "/topic/"}, {"/topic/{x}", "/topic/"}, {"/topic/**", "/topic/"}, {"/topic/*/*", "/topic/a/"},
        {"/topic/*/*", "/topic/a"}, {"/topic/price.stock.*", "/topic/price.stock.IBM"}, {"/queue/*-user*", "/queue/a-user12"},
        {"/*.*", "/\n."}, {"/*?", "/\u5F20"}, {"/*??", "/\u5F20"}, {"/*?*?", "/\uD83D\uDE00a"}, {"/\u5F20*", "/\u5F20\u4E09"},
        // **
        {"/?", "/a"}, {"/**", "/"}, {"/**", "/testing/testing"}, {"/**", ""}, {"**", ""}, {"**", "/"}, {"**", "a/b"}, {"/**/**", "/"},
        {"/*/**", "/testing/testing"}, {"/*/**", "/"}, {"/**/*", "/testing/testing"}, {"/**/*", "/"}, {"/**/*", "/a/"}, {"/bla/**/bla", "/bla/testing/testing/bla"},
        {"/bla/**/bla", "/bla/testing/testing/bla/bla"}, {"/**/test", "/bla/bla/test"}, {"/bla/**/**/bla", "/bla/bla/bla/bla/bla/bla"},
        {"/bla*bla/test", "/blaXXXbla/test"}, {"/*bla/test", "/XXXbla/test"}, {"/bla*bla/test", "/blaXXXbl/test"},
        {"/*bla/test", "XXXblab/test"}, {"/*bla/test", "XXXbl/test"}, {"/????", "/bala/bla"}, {"/**/*bla", "/bla/bla/bla/bbb"},
        {"/*bla*/**/bla/**", "/XXXblaXXXX/testing/testing/bla/testing/testing/"}, {"/*bla*/**/bla/*", "/XXXblaXXXX/testing/testing/bla/testing"},
        {"/*bla*/**/bla/**", "/XXXblaXXXX/testing/testing/bla/testing/testing"}, {"/*bla*/**/bla/**", "/XXXblaXXXX/testing/testing/bla/testing/testing.jpg"},
        {"*bla*/**/bla/**", "XXXblaXXXX/testing/testing/bla/testing/testing/"}, {"*bla*/**/bla/*", "XXXblaXXXX/testing/testing/bla/testing"},
        {"*bla*/**/bla/**", "XXXblaXXXX/testing/testing/bla/testing/testing"}, {"*bla*/**/bla/*", "XXXblaXXXX/testing/testing/bla/testing/testing"},
        {"/x/x/**/bla", "/x/x/x/"}, {"/foo/bar/**", "/foo/bar"}, {"/foo/bar/**", "/foo/bar/"}, {"/foo/bar/**/", "/foo/bar"}, {"/foo/bar/**/", "/foo/bar/a"},
        {"/**/foo", "/en/test/foo"}, {"/**/foo/", "/en/foo"}, {"/**/foo", "/en/foo/"}, {"/**/a/b/**/c", "/a/x/a/b/c"}, {"/**/a/b/**/c", "/a/a/b/x/c"},
        {"/**/a/**/b/**/a", "/a/b/a"}, {"/**/a/**/b/**/a", "/a/a/b/b"}, {"/***", "/a/b"}, {"/***", "/a"}, {"/a**", "/ab/c"}, {"/**a", "/b/a"}, {"/**a", "/ba"},
        // {name}
        {"/{bla}.*", "/testing.html"}, {"/{bla}", "/testing"}, {"/{bla}", "/"}, {"/{bla}", "/a/b"}, {"/{a}/{b}", "/x/y"}, {"/{a}{b}", "/x"},
        {"/a-{b}-c", "/a-b-c"}, {"/a-{b}-c", "/a--c"}, {"/a-{b}-c", "/a-c"}, {"/{a", "/{a"}, {"/{a*", "/{ab"}, {"/a}*", "/a}b"}, {"/a}", "/a}"},
        {"/{}", "/{}"}, {"/{}", "/a"}, {"/{}*", "/{}a"}, {"/{}*", "/aa"}, {"/{{a}}", "/x"}, {"/{a{b}", "/{ax"}, {"/{a{b}", "/x"}, {"/{a}}", "/x}"},
        {"/{a}}", "/x"}, {"/{{a}", "/{x"}, {"/{{a}", "/x"}, {"/{a\\}}", "/x}"}, {"/{a\\}}", "/x"}, {"/{a\\{b}", "/x"}, {"/{a\\{b}", "/{a\\x"},
        {"/{{}}", "/x"}, {"/{{}}", "/{x}"}, {"/{{}}", "/{{}}"}, {"/{*}", "/x"}, {"/{?}", "/xy"}, {"/{*a}", "/x/y"}, {"/{a}?", "/x"}, {"/{a}?", "/"},
        {"/{a/b}", "/x/y"}, {"/{a/b}", "/{a/b}"}, {"/{a/b}*", "/{a/b}x"}, {"/{{a}{b}}", "/x"}, {"/{a}/*/**", "/x/"}, {"/\\{a}", "/\\x"}, {"/{ }", "/x"},
        // what regular expressions would take for something else
        {"/a.c", "/abc"}, {"/a.?", "/abc"}, {"/(a|b)?", "/a"}, {"/(a|b)?", "/(a|b)c"}, {"/[ab]*", "/a"}, {"/[ab]*", "/[ab]c"}, {"/a+*", "/aa"},
        {"/\\Q*\\E", "/\\Qa\\E"}, {"/\\E?\\Q", "/\\Ea\\Q"}, {"/^a$*", "/a"}, {"/^a$*", "/^a$"}, {"/\\d?", "/12"}, {"/\\d?", "/\\d2"},
        // bounded work
        {"/**/**/**/**/a*a*a*a*b", "/a/a/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, {"/a*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaab"},
    };

    static final String[] LETTERS = {"a", "b", "ab", "aa", "\u00E9", "\u5F20", "\uD83D\uDE00", "-", ".", "}", "{", "\\", "$", " "};
    static final String[] WILD = {"?", "*", "**", "{n}", "{x}", "*", "?", "{}", "{a{b}}"};

    final Random random = new Random(20240817);
    final Set<String> rows = new LinkedHashSet<>();

    public static void main(String[] args) {
        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        var self = new AntCases();
        for (String[] row : TABLE) {
            self.add("/", row[0], row[1]);
            self.add(".", swap(row[0]), swap(row[1]));
        }
        for (int i = 0; self.rows.size() < 4400; i++) {
            self.generate(i % 5 == 0 ? "." : "/");
        }
        out.print("[\n" + String.join(",\n", self.rows) + "\n]\n");
        out.flush();
    }

    static String swap(String s) {
        return s.replace('/', '\1').replace('.', '/').replace('\1', '.');
    }

    void add(String separator, String pattern, String path) {
        var matcher = new AntPathMatcher(separator);
        Object match;
        try {
            match = matcher.match(pattern, path);
        } catch (RuntimeException e) {
            match = "\"threw\"";
        }
        rows.add("[" + quoted(separator) + "," + quoted(pattern) + "," + quoted(path) + "," + matcher.isPattern(pattern) + "," + match + "]");
    }

    /** A pattern, and a path made after it: often one that matches, or nearly. */
    void generate(String separator) {
        var pattern = new StringBuilder();
        var path = new StringBuilder();
        if (random.nextInt(8) > 0) {
            pattern.append(separator);
            path.append(separator);
        }
        int segments = random.nextInt(5);
        for (int i = 0; i < segments; i++) {
            if (i > 0) {
                separate(pattern, separator);
                separate(path, separator);
            }
            if (random.nextInt(4) == 0) {
                pattern.append("**");
                int count = random.nextInt(4);
                for (int k = 0; k < count; k++) {
                    path.append(text(3)).append(k + 1 < count ? separator : "");
                }
            } else {
                segment(pattern, path);
            }
        }
        for (var b : new StringBuilder[] {pattern, path}) {
            if (random.nextInt(6) == 0) {
                b.append(separator);
            }
        }
        if (random.nextInt(3) == 0 && path.length() > 0) {
            int at = path.offsetByCodePoints(0, random.nextInt(path.codePointCount(0, path.length())));
            int end = path.offsetByCodePoints(at, 1);
            path.replace(at, end, random.nextBoolean() ? "" : random.nextBoolean() ? separator : "a");
        }
        add(separator, pattern.toString(), path.toString());
    }

    void separate(StringBuilder b, String separator) {
        b.append(separator);
        if (random.nextInt(20) == 0) {
            b.append(separator);
        }
    }

    void segment(StringBuilder pattern, StringBuilder path) {
        int pieces = 1 + random.nextInt(3);
        for (int i = 0; i < pieces; i++) {
            if (random.nextInt(5) < 2) {
                String wild = WILD[random.nextInt(WILD.length)];
                pattern.append(wild);
                path.append(wild.equals("?") ? text(1) : wild.equals("{}") ? wild : text(random.nextInt(3)));
            } else {
                String literal = text(2);
                pattern.append(literal);
                path.append(literal);
            }
        }
    }

    String text(int pieces) {
        var b = new StringBuilder();
        for (int i = 0; i < pieces; i++) {
            b.append(LETTERS[random.nextInt(random.nextInt(3) == 0 ? LETTERS.length : 3)]);
        }
        return b.toString();
    }

    static String quoted(String s) {
        var b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            b.append(c == '"' || c == '\\' ? "\\" + c : c < 0x20 ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return b.append('"').toString();
    }
}
