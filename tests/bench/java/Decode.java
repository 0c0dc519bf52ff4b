import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import com.example.push.MessageVO;
import com.example.push.PushMessageVO;

/** What the JDK itself takes to read the streams that wsidecar decodes: `Decode write FILE COUNT`, `Decode read FILE SECONDS`. */
public final class Decode {
    public static void main(String[] a) throws Exception {
        if (a[0].equals("write")) {
            Files.write(Path.of(a[1]), stream(Integer.parseInt(a[2])));
            return;
        }
        byte[] bytes = Files.readAllBytes(Path.of(a[1]));
        double seconds = Double.parseDouble(a[2]);
        run(bytes, seconds / 2);  // warm
        System.out.printf("%.1f%n", run(bytes, seconds));
    }

    static double run(byte[] bytes, double seconds) throws Exception {
        long end = System.nanoTime() + (long) (seconds * 1e9), start = System.nanoTime(), n = 0, seen = 0;
        while (System.nanoTime() < end) {
            for (int i = 0; i < 20; i++, n++) {
                seen += new ObjectInputStream(new ByteArrayInputStream(bytes)).readObject().hashCode() & 1;
            }
        }
        if (seen < 0) throw new IllegalStateException();
        return n * (double) bytes.length / ((System.nanoTime() - start) / 1e9) / 1e6;
    }

    static byte[] stream(int count) throws Exception {
        List<MessageVO> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(message(i));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ObjectOutputStream o = new ObjectOutputStream(out)) {
            o.writeObject(push(all));
        }
        return out.toByteArray();
    }

    static MessageVO message(int i) {
        return new MessageVO(1001L + i, "title " + i, "content of message " + i, new Date(1540171800123L + i), i % 3, MessageVO.Status.NEW);
    }

    static PushMessageVO push(List<MessageVO> all) {
        return new PushMessageVO("zhangsan", all);
    }
}
