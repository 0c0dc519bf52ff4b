package io.wsidecar.spring;

import io.wsidecar.core.Answer;
import java.util.Map;

/** The application says no to a frame or to a connection. */
public final class Refusal extends Exception {
    private static final long serialVersionUID = 1;
    private final transient Answer answer;

    /** @see Answer#refuse */
    public Refusal(int status, String why, Map<String, String> words, String type, byte[] body) {
        this(why, new Answer().refuse(status, words, type, body));
    }

    /** @param answer which refuses */
    public Refusal(String why, Answer answer) {
        super(why, null, false, false);
        this.answer = answer;
    }

    public Answer answer() {
        return answer;
    }
}
