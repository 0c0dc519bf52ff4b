package com.example.habits;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import javax.websocket.Endpoint;
import javax.websocket.EndpointConfig;
import javax.websocket.MessageHandler;
import javax.websocket.PongMessage;
import javax.websocket.Session;

/** Handlers that an endpoint adds to its session: of every kind that there is. */
public class ListeningEndpoint extends Endpoint {

    @Override
    public void onOpen(Session session, EndpointConfig config) {
        switch (session.getQueryString()) {
            case "whole":
                session.addMessageHandler(new MessageHandler.Whole<PongMessage>() {
                    @Override
                    public void onMessage(PongMessage pong) {
                        say(session, "pong " + pong.getApplicationData().remaining());
                    }
                });
                session.addMessageHandler(new MessageHandler.Whole<String>() {
                    @Override
                    public void onMessage(String text) {
                        say(session, "text " + text);
                    }
                });
                session.addMessageHandler(new MessageHandler.Whole<ByteBuffer>() {
                    @Override
                    public void onMessage(ByteBuffer bytes) {
                        say(session, "buffer " + bytes.remaining());
                    }
                });
                break;
            case "streams":
                session.addMessageHandler(new MessageHandler.Whole<Reader>() {
                    @Override
                    public void onMessage(Reader reader) {
                        say(session, "reader " + line(reader));
                    }
                });
                session.addMessageHandler(new MessageHandler.Whole<InputStream>() {
                    @Override
                    public void onMessage(InputStream in) {
                        say(session, "stream " + first(in));
                    }
                });
                break;
            case "typed":
                session.addMessageHandler(Reader.class, reader -> say(session, "reader " + line(reader)));
                session.addMessageHandler(InputStream.class, in -> say(session, "stream " + first(in)));
                break;
            default:
                session.addMessageHandler(String.class, (String part, boolean last) -> say(session, "part " + part + " " + last));
                session.addMessageHandler(byte[].class, (byte[] part, boolean last) -> say(session, "bytes " + part.length + " " + last));
        }
        say(session, session.getMessageHandlers().size() + " handlers");
    }

    private static String line(Reader reader) {
        try {
            return new BufferedReader(reader).readLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int first(InputStream in) {
        try {
            return in.read();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void say(Session session, String text) {
        try {
            session.getBasicRemote().sendText(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
