package com.example.habits;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import javax.websocket.Decoder;
import javax.websocket.EncodeException;
import javax.websocket.Encoder;
import javax.websocket.EndpointConfig;
import javax.websocket.OnError;
import javax.websocket.OnMessage;
import javax.websocket.Session;
import javax.websocket.server.ServerEndpoint;
import org.springframework.stereotype.Component;

/** Coders with a common superclass, numbers as messages, streams. */
public final class CoderEndpoints {
    private CoderEndpoints() {}

    public abstract static class Animal {
        final String name;

        Animal(String name) {
            this.name = name;
        }
    }

    public static class Cat extends Animal {
        Cat(String name) {
            super(name);
        }
    }

    public static class Dog extends Animal {
        Dog(String name) {
            super(name);
        }
    }

    public abstract static class Writing<T extends Animal> implements Encoder.Text<T> {
        @Override
        public String encode(T animal) {
            return sound() + " " + animal.name;
        }

        abstract String sound();

        @Override
        public void init(EndpointConfig config) {}

        @Override
        public void destroy() {}
    }

    public static class CatWriting extends Writing<Cat> {
        @Override
        String sound() {
            return "meow";
        }
    }

    public static class DogWriting extends Writing<Dog> {
        @Override
        String sound() {
            return "woof";
        }
    }

    public abstract static class Reading<T extends Animal> implements Decoder.Text<T> {
        @Override
        public boolean willDecode(String text) {
            return text.startsWith(kind());
        }

        abstract String kind();

        @Override
        public void init(EndpointConfig config) {}

        @Override
        public void destroy() {}
    }

    public static class CatReading extends Reading<Animal> {
        @Override
        public Animal decode(String text) {
            return new Cat(text.substring(4));
        }

        @Override
        String kind() {
            return "cat";
        }
    }

    public static class DogReading extends Reading<Animal> {
        @Override
        public Animal decode(String text) {
            return new Dog(text.substring(4));
        }

        @Override
        String kind() {
            return "dog";
        }
    }

    @Component
    @ServerEndpoint(value = "/animals", encoders = {CatWriting.class, DogWriting.class}, decoders = {CatReading.class, DogReading.class})
    public static class Animals {
        @OnMessage
        public Animal heard(Animal animal) {
            return animal;
        }

        @OnError
        public void failed(Session session, Throwable error) throws IOException {
            session.getBasicRemote().sendText("error");
        }
    }

    @Component
    @ServerEndpoint("/numbers")
    public static class Numbers {
        @OnMessage
        public double twice(double number) {
            return number * 2;
        }

        @OnError
        public void failed(Session session, Throwable error) throws IOException {
            session.getBasicRemote().sendText("no number");
        }
    }

    @Component
    @ServerEndpoint("/streams")
    public static class Streams {
        @OnMessage
        public void send(Session session, String how) throws IOException, EncodeException {
            switch (how) {
                case "writer":
                    try (Writer writer = session.getBasicRemote().getSendWriter(); PrintWriter print = new PrintWriter(writer)) {
                        print.print("one ");
                        print.print("text");
                    }
                    break;
                case "stream":
                    try (OutputStream out = session.getBasicRemote().getSendStream(); ObjectOutputStream objects = new ObjectOutputStream(out)) {
                        objects.writeObject("an object");
                    }
                    break;
                case "parts":
                    session.getBasicRemote().sendText("two ", false);
                    session.getBasicRemote().sendText("or more ", false);
                    session.getBasicRemote().sendText("parts", true);
                    session.getBasicRemote().sendBinary(ByteBuffer.wrap(new byte[] {1, 2}), false);
                    session.getBasicRemote().sendBinary(ByteBuffer.wrap(new byte[] {3}), true);
                    break;
                default:
                    session.getBasicRemote().sendObject(new byte[] {7});
                    session.getBasicRemote().sendObject('c');
                    session.getBasicRemote().sendObject(true);
            }
            session.getBasicRemote().sendText("behind");
        }
    }
}
