package io.wsidecar.core;

import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** The parts of messages that have not ended: clients get each message whole, as they would read it from its frames. */
public final class Parts {
    /** More than any client can be sent. */
    private static final int LARGEST = 16 << 20;
    private StringBuilder text;
    private ByteArrayOutputStream binary;

    /** The message, when this part is its last; else null. An IOException: it has become too large, and what was begun is dropped. */
    public synchronized String text(String part, boolean last) throws IOException {
        if (last && text == null) {
            return part;
        }
        text = text == null ? new StringBuilder() : text;
        if (text.length() + part.length() > LARGEST) {
            text = null;
            throw tooLarge();
        }
        text.append(part);
        String whole = last ? text.toString() : null;
        text = last ? null : text;
        return whole;
    }

    public synchronized byte[] binary(byte[] part, boolean last) throws IOException {
        if (last && binary == null) {
            return part;
        }
        binary = binary == null ? new ByteArrayOutputStream() : binary;
        if (binary.size() + part.length > LARGEST) {
            binary = null;
            throw tooLarge();
        }
        binary.write(part, 0, part.length);
        byte[] whole = last ? binary.toByteArray() : null;
        binary = last ? null : binary;
        return whole;
    }

    private static IOException tooLarge() {
        return new IOException("the parts of a message are too large together: it is not sent");
    }
}
