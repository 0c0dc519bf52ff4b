package io.wsidecar.websocket;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import javax.websocket.EncodeException;
import javax.websocket.RemoteEndpoint;

final class BasicRemote extends Remote implements RemoteEndpoint.Basic {
    BasicRemote(EndpointSession session) {
        super(session);
    }

    @Override
    public void sendText(String text) throws IOException {
        session.connection().text(given(text));
    }

    @Override
    public void sendBinary(ByteBuffer data) throws IOException {
        session.connection().binary(Coders.bytes(given(data)));
    }

    @Override
    public void sendText(String part, boolean last) throws IOException {
        String whole = session.parts().text(given(part), last);
        if (whole != null) {
            sendText(whole);
        }
    }

    @Override
    public void sendBinary(ByteBuffer part, boolean last) throws IOException {
        byte[] whole = session.parts().binary(Coders.bytes(given(part)), last);
        if (whole != null) {
            session.connection().binary(whole);
        }
    }

    @Override
    public OutputStream getSendStream() {
        return new ByteArrayOutputStream() {
            private boolean closed;

            /** Whatever writes to a stream closes it, and then whoever has opened it does: it is one message. */
            @Override
            public void close() throws IOException {
                if (!closed) {
                    closed = true;
                    session.connection().binary(toByteArray());
                }
            }
        };
    }

    @Override
    public Writer getSendWriter() {
        return new StringWriter() {
            private boolean closed;

            @Override
            public void close() throws IOException {
                if (!closed) {
                    closed = true;
                    session.connection().text(toString());
                }
            }
        };
    }

    @Override
    public void sendObject(Object o) throws IOException, EncodeException {
        object(o);
    }
}
