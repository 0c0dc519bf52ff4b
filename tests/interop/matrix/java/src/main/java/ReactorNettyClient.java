import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.client.WebsocketClientSpec;

class ReactorNettyClient extends Client {
    private volatile Sinks.Many<WebSocketFrame> out;

    ReactorNettyClient(String url) {
        super(url);
    }

    void dial() {
        Sinks.Many<WebSocketFrame> sink = Sinks.many().unicast().onBackpressureBuffer();
        out = sink;
        HttpClient.create().websocket(WebsocketClientSpec.builder().protocols(String.join(",", OFFERED)).compress(true)
            .maxFramePayloadLength(1 << 24).build()).uri(url).handle((in, to) -> {
                opened(in.selectedSubprotocol());
                in.receiveCloseStatus().subscribe(s -> closed(s.code(), s.reasonText()));
                Mono<Void> reading = in.aggregateFrames(1 << 24).receiveFrames().doOnNext(f -> {
                    if (f instanceof TextWebSocketFrame) {
                        heard(((TextWebSocketFrame) f).text());
                    } else if (f instanceof BinaryWebSocketFrame) {
                        heard(ByteBufUtil.getBytes(f.content()));
                    }
                }).then();
                return Flux.merge(reading, to.sendObject(sink.asFlux()).then());
            }).subscribe(v -> { }, e -> again(), this::again);
    }

    void send(String text) {
        out.tryEmitNext(new TextWebSocketFrame(text));
    }

    void send(byte[] bytes) {
        out.tryEmitNext(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(bytes)));
    }

    void close(int code, String reason) {
        out.tryEmitNext(new CloseWebSocketFrame(code, reason));
    }
}
