package io.wsidecar.spring;

/** The application says no to a frame or to a connection. */
public final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    private final int status;

    public Refusal(int status, String words) {
        super(words);
        this.status = status;
    }

    public int status() {
        return status;
    }
}
