import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketClientCompressionHandler;
import java.net.URI;

class NettyClient extends Client {
    private final NioEventLoopGroup loop = new NioEventLoopGroup(1);
    private volatile Channel channel;
    private boolean wasClosed;

    NettyClient(String url) {
        super(url);
    }

    void dial() {
        URI at = URI.create(url);
        WebSocketClientHandshaker handshaker = WebSocketClientHandshakerFactory.newHandshaker(at, WebSocketVersion.V13,
            String.join(",", OFFERED), true, new DefaultHttpHeaders(), 1 << 24);
        new Bootstrap().group(loop).channel(NioSocketChannel.class).handler(new ChannelInitializer<Channel>() {
            protected void initChannel(Channel c) {
                c.pipeline().addLast(new HttpClientCodec(), new HttpObjectAggregator(65536), WebSocketClientCompressionHandler.INSTANCE,
                    new WebSocketClientProtocolHandler(handshaker, false), new WebSocketFrameAggregator(1 << 24),
                    new SimpleChannelInboundHandler<WebSocketFrame>() {
                        public void userEventTriggered(ChannelHandlerContext context, Object event) {
                            if (event == WebSocketClientProtocolHandler.ClientHandshakeStateEvent.HANDSHAKE_COMPLETE) {
                                channel = context.channel();
                                opened(handshaker.actualSubprotocol());
                            }
                        }

                        protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
                            if (frame instanceof TextWebSocketFrame) {
                                heard(((TextWebSocketFrame) frame).text());
                            } else if (frame instanceof BinaryWebSocketFrame) {
                                heard(ByteBufUtil.getBytes(frame.content()));
                            } else if (frame instanceof CloseWebSocketFrame) {
                                CloseWebSocketFrame close = (CloseWebSocketFrame) frame;
                                int code = close.statusCode();
                                String reason = close.reasonText();
                                context.writeAndFlush(close.retain()).addListener(f -> closed(code, reason));
                            }
                        }

                        public void channelInactive(ChannelHandlerContext context) {
                            again();
                        }

                        public void exceptionCaught(ChannelHandlerContext context, Throwable e) {
                            System.err.println("! " + e);
                            context.close();
                        }
                    });
            }
        }).connect(at.getHost(), at.getPort()).addListener(f -> {
            if (!f.isSuccess()) {
                again();
            }
        });
    }

    void send(String text) {
        channel.writeAndFlush(new TextWebSocketFrame(text));
    }

    void send(byte[] bytes) {
        channel.writeAndFlush(new BinaryWebSocketFrame(Unpooled.wrappedBuffer(bytes)));
    }

    void sendFragments() {
        channel.write(new TextWebSocketFrame(false, 0, PARTS[0]));
        channel.write(new ContinuationWebSocketFrame(false, 0, PARTS[1]));
        channel.writeAndFlush(new ContinuationWebSocketFrame(true, 0, PARTS[2]));
    }

    void close(int code, String reason) {
        channel.writeAndFlush(new CloseWebSocketFrame(code, reason));
    }
}
