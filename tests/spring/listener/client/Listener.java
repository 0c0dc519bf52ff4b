package com.example.client;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.publisher.Flux;

/**
 * Spring's WebClient as it reads server-sent events, for the tests: dials again when the stream ends, with the id of the last event, and writes each
 * event as one JSON object a line. Argument: the URL.
 */
public final class Listener {
    private static final ParameterizedTypeReference<ServerSentEvent<String>> EVENTS = new ParameterizedTypeReference<>() { };

    private Listener() {
    }

    public static void main(String[] args) {
        WebClient client = WebClient.create();
        AtomicReference<String> last = new AtomicReference<>();
        ObjectMapper mapper = new ObjectMapper();
        Flux<ServerSentEvent<String>> events = Flux.defer(() -> client.get().uri(args[0])
                .accept(MediaType.TEXT_EVENT_STREAM)
                .headers(h -> {
                    if (last.get() != null) {
                        h.set("Last-Event-ID", last.get());
                    }
                })
                .retrieve().bodyToFlux(EVENTS));
        events.doOnNext(e -> {
            if (e.id() != null) {
                last.set(e.id());
            }
        }).repeatWhen(ended -> ended.delayElements(Duration.ofMillis(300)))
                .retryWhen(reactor.util.retry.Retry.fixedDelay(Long.MAX_VALUE, Duration.ofMillis(300)))
                .doOnNext(e -> {
                    if (e.data() != null) { // else it names an id, or a time to wait, alone
                        Map<String, Object> line = new LinkedHashMap<>();
                        line.put("event", e.event() == null ? "message" : e.event());
                        line.put("data", e.data());
                        line.put("id", e.id());
                        try {
                            System.out.println(mapper.writeValueAsString(line));
                        } catch (com.fasterxml.jackson.core.JsonProcessingException never) {
                            throw new IllegalStateException(never);
                        }
                    }
                }).blockLast();
    }
}
