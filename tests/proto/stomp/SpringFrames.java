import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.springframework.messaging.Message;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompDecoder;
import org.springframework.messaging.simp.stomp.StompEncoder;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.util.MultiValueMap;

/**
 * Writes what Spring's StompDecoder makes of bytes, and its StompEncoder of frames, in base64. The results are in spring_frames.json,
 * so that tests need no JDK. To make them again, with the JARs of spring-messaging, -core, -beans and -jcl 6.2.11 in lib:
 * java -cp 'lib/*' SpringFrames.java > spring_frames.json
 */
public class SpringFrames {
    static final List<String> rows = new ArrayList<>();

    public static void main(String[] args) {
        decode("connect", "CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n\0");
        decode("connect is not unescaped", "CONNECT\nlogin:a\\cb\\t\n\n\0");
        decode("stomp is not unescaped", "STOMP\nlogin:a\\cb\n\n\0");
        decode("send", "SEND\ndestination:/app/chat/42\ncontent-length:7\n\n{\"t\":1}\0");
        decode("send without length", "SEND\ndestination:/q\n\nhi\0");
        decode("send of a text", "SEND\ndestination:/q\n\n\u5F20\uD83D\uDE00\0");
        decode("nul in the body", "SEND\ncontent-length:5\n\na\0b\0c\0");
        decode("empty body", "SEND\ncontent-length:0\n\n\0");
        decode("length too small", "SEND\ncontent-length:2\n\nabc\0");
        decode("length too large", "SEND\ncontent-length:9\n\nabc\0");
        decode("negative length", "SEND\ncontent-length:-1\n\nabc\0");
        decode("length that is no number", "SEND\ncontent-length:x\n\nabc\0");
        decode("length with a plus", "SEND\ncontent-length:+3\n\nabc\0");
        decode("repeated length", "SEND\ncontent-length:3\ncontent-length:9\n\nabc\0");
        decode("repeated header", "SEND\na:1\na:2\n\n\0");
        decode("crlf", "SEND\r\ndestination:/q\r\n\r\na\r\nb\0\r\n");
        decode("mixed line ends", "SEND\r\ndestination:/q\n\r\nb\0\n\r\n");
        decode("lone cr in a header", "SEND\na:b\rc\n\n\0");
        decode("lone cr before a frame", "\rSEND\n\n\0");
        decode("line ends around", "\n\r\nSEND\n\n\0\n\nSEND\n\nx\0\n");
        decode("escapes", "SEND\na\\cb:c\\\\d\\ne\\rf\\cg\n\n\0");
        decode("bad escape", "SEND\na:b\\tc\n\n\0");
        decode("bad escape in a name", "SEND\na\\t:b\n\n\0");
        decode("escape at the end", "SEND\na:b\\\n\n\0");
        decode("not trimmed", "SEND\n a : b \n\n\0");
        decode("colons in a value", "SEND\na:b:c:\n\n\0");
        decode("empty value", "SEND\na:\n\n\0");
        decode("no colon", "SEND\nabc\n\n\0");
        decode("empty name", "SEND\n:abc\n\n\0");
        decode("lower case", "send\n\n\0");
        decode("unknown", "FOO\n\n\0");
        decode("space after the command", "SEND \n\n\0");
        decode("body in subscribe", "SUBSCRIBE\nid:1\ndestination:/a\n\nx\0");
        decode("body in connect", "CONNECT\naccept-version:1.2\n\n\n\0");
        decode("length and no body in ack", "ACK\nid:1\ncontent-length:0\n\n\0");
        decode("several", "BEGIN\ntransaction:1\n\n\0SEND\n\nx\0COMMIT\ntransaction:1\n\n\0");
        decode("nul in a header", "SEND\ndestination:/a\0");
        decode("nul alone", "\0");
        decode("nul before a frame", "\0SEND\n\n\0");
        decode("part of a command", "SE");
        decode("part of the headers", "SEND\na:b\n");
        decode("part of a body", "SEND\na:b\n\nabc");
        decode("frame and part", "SEND\n\nx\0SEN");
        rows.add(row("not utf-8", "SEND\na:\u00C3(\n\n\0".getBytes(StandardCharsets.ISO_8859_1)));
        decode("bad content type", "SEND\ncontent-type:nothing\n\nx\0");

        encode("message", StompCommand.MESSAGE, "{\"a\":1}", "subscription", "sub-0", "message-id", "s-1-7", "destination", "/topic/a",
                "content-type", "application/json");
        encode("message with escapes", StompCommand.MESSAGE, "a\0b", "subscription", "sub:0", "message-id", "s\\1", "destination",
                "/topic/a:b", "na:me", "x\ny\rz\\c\u5F20");
        encode("receipt", StompCommand.RECEIPT, "", "receipt-id", "r:1");
        encode("error", StompCommand.ERROR, "", "message", "no: a\nb");
        encode("connected", StompCommand.CONNECTED, "", "version", "1.2", "heart-beat", "10000,5000", "user-name", "a:b\\c");

        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        out.print("[\n" + String.join(",\n", rows) + "\n]\n");
        out.flush();
    }

    static void decode(String name, String text) {
        rows.add(row(name, text.getBytes(StandardCharsets.UTF_8)));
    }

    static String row(String name, byte[] bytes) {
        return "{\"name\":\"" + name + "\",\"bytes\":\"" + base64(bytes) + "\",\"frames\":[" + String.join(",", frames(bytes)) + "]}";
    }

    /** Each frame as COMMAND[name=value]...body, in base64; then "failed" or "unfinished" if it ends so. */
    static List<String> frames(byte[] bytes) {
        var seen = new ArrayList<String>();
        var decoder = new StompDecoder();
        var buffer = ByteBuffer.wrap(bytes);
        try {
            for (Message<byte[]> m : decoder.decode(buffer)) {
                var accessor = StompHeaderAccessor.wrap(m);
                if (accessor.getCommand() == null) {
                    continue; // a heart-beat
                }
                var text = new StringBuilder(accessor.getCommand().name());
                accessor.toNativeHeaderMap().forEach((name, values) -> values.forEach(v -> text.append("[" + name + "=" + v + "]")));
                text.append(new String(m.getPayload(), StandardCharsets.UTF_8));
                seen.add("\"" + base64(text.toString().getBytes(StandardCharsets.UTF_8)) + "\"");
            }
            if (buffer.hasRemaining()) {
                seen.add("\"unfinished\"");
            }
        } catch (RuntimeException e) {
            seen.clear(); // Spring gives none of the frames before it
            seen.add("\"failed\"");
        }
        return seen;
    }

    static void encode(String name, StompCommand command, String body, String... headers) {
        MultiValueMap<String, String> map = new LinkedMultiValueMap<>();
        for (int i = 0; i < headers.length; i += 2) {
            map.add(headers[i], headers[i + 1]);
        }
        var accessor = StompHeaderAccessor.create(command, (Map<String, List<String>>) map);
        Message<byte[]> m = MessageBuilder.createMessage(body.getBytes(StandardCharsets.UTF_8), accessor.getMessageHeaders());
        rows.add("{\"name\":\"" + name + "\",\"encoded\":\"" + base64(new StompEncoder().encode(m)) + "\"}");
    }

    static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
