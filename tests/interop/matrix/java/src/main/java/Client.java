import java.util.List;

/** A client of one of Maven's libraries that does what matrix_test.py asks for: Client LIBRARY URL. See client.py. */
public abstract class Client {
    static final List<String> OFFERED = List.of("chat.v9", "chat.v2");
    static final int CODE = 4005;
    static final String REASON = "bye ✓";
    static final String[] PARTS = {"f".repeat(70_000), "r".repeat(10), "ä".repeat(1000)};

    protected final String url;

    protected Client(String url) {
        this.url = url;
    }

    abstract void dial() throws Exception;

    abstract void send(String text) throws Exception;

    abstract void send(byte[] bytes) throws Exception;

    abstract void close(int code, String reason) throws Exception;

    void sendFragments() throws Exception {
        send("!none");
    }

    final void opened(String chosen) {
        attempt(() -> send("hello " + chosen));
    }

    final void heard(String text) {
        attempt(() -> {
            if (text.equals("!close")) {
                close(CODE, REASON);
            } else if (text.equals("!fragments")) {
                sendFragments();
            } else {
                send(text);
            }
        });
    }

    final void heard(byte[] bytes) {
        attempt(() -> send(bytes));
    }

    final void closed(int code, String reason) {
        if (code == 1006 || code <= 0) {
            again();
            return;
        }
        System.out.println(("closed " + code + " " + (reason == null ? "" : reason)).stripTrailing());
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private volatile long dialled;

    /** Some libraries tell of one end twice. */
    final void again() {
        long seen = dialled;
        new Thread(() -> {
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                return;
            }
            synchronized (this) {
                if (dialled != seen) {
                    return;
                }
                dialled++;
            }
            redial();
        }).start();
    }

    private void redial() {
        try {
            dial();
        } catch (Exception e) {
            System.err.println("! " + e);
            again();
        }
    }

    interface Step {
        void run() throws Exception;
    }

    static void attempt(Step step) {
        try {
            step.run();
        } catch (Exception e) {
            System.err.println("! " + e);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, java.nio.charset.StandardCharsets.UTF_8));
        Client c = (Client) Class.forName(arguments[0]).getDeclaredConstructor(String.class).newInstance(arguments[1]);
        c.redial();
        Thread.currentThread().join();
    }
}
