package com.example.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.messaging.converter.CompositeMessageConverter;
import org.springframework.messaging.converter.MappingJackson2MessageConverter;
import org.springframework.messaging.converter.StringMessageConverter;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaders;
import org.springframework.messaging.simp.stomp.StompSession;
import org.springframework.messaging.simp.stomp.StompSessionHandlerAdapter;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.web.socket.WebSocketHttpHeaders;
import org.springframework.web.socket.client.standard.StandardWebSocketClient;
import org.springframework.web.socket.messaging.WebSocketStompClient;

/**
 * Spring's own STOMP client, for the tests: reads what to do from standard input, one JSON object a line ("as" names the session),
 * and writes what happened, one JSON object a line.
 */
public final class StompClient extends StompSessionHandlerAdapter {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Map<String, StompSession> SESSIONS = new ConcurrentHashMap<>();
    private final String name;

    private StompClient(String name) {
        this.name = name;
    }

    public static void main(String[] args) throws Exception {
        ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
        scheduler.setDaemon(true);
        scheduler.initialize();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            JsonNode command = MAPPER.readTree(line);
            StompClient client = new StompClient(command.get("as").asText());
            if (command.get("do").asText().equals("connect")) {
                client.connect(command, scheduler);
            } else {
                client.carryOut(command, SESSIONS.get(client.name));
            }
        }
        System.exit(0);
    }

    @SuppressWarnings({"removal", "deprecation"})  // the method that both generations have
    private void connect(JsonNode command, ThreadPoolTaskScheduler scheduler) {
        WebSocketStompClient client = new WebSocketStompClient(new StandardWebSocketClient());
        client.setMessageConverter(new CompositeMessageConverter(List.of(new MappingJackson2MessageConverter(), new StringMessageConverter())));
        client.setTaskScheduler(scheduler);
        if (command.has("beats")) {
            client.setDefaultHeartbeat(new long[] {command.get("beats").asLong(), command.get("beats").asLong()});
        }
        WebSocketHttpHeaders headers = new WebSocketHttpHeaders();
        headers.add("Cookie", command.get("cookie").asText());
        client.connect(command.get("url").asText(), headers, new StompHeaders(), this);
    }

    private void carryOut(JsonNode command, StompSession session) {
        switch (command.get("do").asText()) {
            case "subscribe" -> session.subscribe(command.get("destination").asText(), this)
                .addReceiptTask(() -> happened("receipt", new StompHeaders(), null));
            case "send" -> session.send(command.get("destination").asText(), command.get("payload"));
            case "disconnect" -> session.disconnect();
            default -> throw new IllegalArgumentException(command.toString());
        }
    }

    @Override
    public void afterConnected(StompSession session, StompHeaders connected) {
        session.setAutoReceipt(true);
        SESSIONS.put(name, session);
        happened("connected", connected, null);
    }

    @Override
    public Type getPayloadType(StompHeaders headers) {
        return headers.getContentType() != null && headers.getContentType().getSubtype().equals("json") ? JsonNode.class : String.class;
    }

    @Override
    public void handleFrame(StompHeaders headers, Object payload) {
        happened(headers.getDestination() == null ? "error" : "message", headers, payload);
    }

    @Override
    public void handleException(StompSession session, StompCommand command, StompHeaders headers, byte[] payload, Throwable e) {
        happened("exception", headers, e.toString());
    }

    @Override
    public void handleTransportError(StompSession session, Throwable e) {
        SESSIONS.remove(name);
        happened("lost", new StompHeaders(), e.toString());
    }

    private void happened(String event, StompHeaders headers, Object payload) {
        ObjectNode record = MAPPER.createObjectNode().put("as", name).put("event", event);
        record.set("headers", MAPPER.valueToTree(headers.toSingleValueMap()));
        record.set("payload", MAPPER.valueToTree(payload));
        synchronized (System.out) {
            System.out.println(record);
        }
    }
}
