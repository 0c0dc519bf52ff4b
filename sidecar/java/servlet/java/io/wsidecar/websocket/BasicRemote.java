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
        StringBuilder begun = session.part();
        begun.append(given(part));
        if (last) {
            String whole = begun.toString();
            begun.setLength(0);
            sendText(whole);
        }
    }

    @Override
    public void sendBinary(ByteBuffer part, boolean last) throws IOException {
        ByteArrayOutputStream begun = session.binaryPart();
        begun.write(Coders.bytes(given(part)));
        if (last) {
            byte[] whole = begun.toByteArray();
            begun.reset();
            session.connection().binary(whole);
        }
    }

    @Override
    public OutputStream getSendStream() {
        return new ByteArrayOutputStream() {
            @Override
            public void close() throws IOException {
                session.connection().binary(toByteArray());
            }
        };
    }

    @Override
    public Writer getSendWriter() {
        return new StringWriter() {
            @Override
            public void close() throws IOException {
                session.connection().text(toString());
            }
        };
    }

    @Override
    public void sendObject(Object o) throws IOException, EncodeException {
        object(o);
    }
}
