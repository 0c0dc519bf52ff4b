#include "sidecar/net/ws_session.hpp"

#include "tests/net/client_house.hpp"

namespace wsidecar::net {
namespace {

proto::envelope to_all(std::string text) {
    proto::envelope e;
    e.to.all = true;
    e.kind = proto::payload_kind::text;
    e.payload = std::move(text);
    return e;
}

struct WsSession : testing::Test, client_house {};

TEST_F(WsSession, AMessageBecomesAnEventAndItsAnswerAMessage) {
    app.reply = [](const core::app_request& r) {
        return core::app_answer{core::app_failure::none, 200, {{"Content-Type", "text/plain"}}, "re: " + r.body};
    };
    route().events = {"message", "disconnect"};
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    c.text("hello");
    const auto f = c.next();
    EXPECT_EQ(f.opcode, 1);
    EXPECT_EQ(f.payload, "re: hello");
    EXPECT_EQ(metrics.delivered.at({"answer"}), 1);
}

TEST_F(WsSession, PipelinedMessagesKeepTheirOrder) {
    route().events = {"message"};
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    std::string all;
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
        expected.push_back(std::to_string(i));
        all += raw_client::frame(1, expected.back());
    }
    c.send(all);
    ASSERT_TRUE(until([&] { return app.seen.size() >= 500; }));
    EXPECT_EQ(app.bodies(), expected);
}

TEST_F(WsSession, FramesBehindTheUpgradeRequestAreNotLost) {
    route().events = {"message"};
    start();
    raw_client c(*this);
    c.send(raw_client::upgrade("/ws/a") + raw_client::frame(1, "early"));
    EXPECT_EQ(c.status(), 101);
    ASSERT_TRUE(until([&] { return !app.seen.empty(); }));
    EXPECT_EQ(app.bodies(), (std::vector<std::string>{"early"}));
}

TEST_F(WsSession, AMessageInFragmentsWithAPingBetweenIsWhole) {
    route().events = {"message"};
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    c.send(raw_client::frame(1, "ab", false) + raw_client::frame(9, "p"));
    const auto pong = c.next();
    EXPECT_EQ(pong.opcode, 10);
    EXPECT_EQ(pong.payload, "p");
    c.send(raw_client::frame(0, "cd"));
    ASSERT_TRUE(until([&] { return !app.seen.empty(); }));
    EXPECT_EQ(app.bodies(), (std::vector<std::string>{"abcd"}));
}

TEST_F(WsSession, TheClientsCloseIsEchoedAndTold) {
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    c.send(raw_client::frame(8, raw_client::close_body(4000) + "bye"));
    const auto f = c.next();
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 4000U);
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(closes("4000", "client"), 1);
    ASSERT_NE(app.event("disconnect"), nullptr);
    EXPECT_NE(app.event("disconnect")->headers.find("ws-close-code: 4000\r\n"), std::string::npos);
    EXPECT_EQ(front->sessions(), 0U);
}

TEST_F(WsSession, ACloseWithoutACodeIs1005) {
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    c.send(raw_client::frame(8, ""));
    const auto f = c.next();
    EXPECT_EQ(f.opcode, 8);
    EXPECT_TRUE(f.payload.empty());
    EXPECT_TRUE(until([&] { return closes("1005", "client") == 1; }));
}

TEST_F(WsSession, AConnectionThatEndsWithoutACloseFrameIs1006) {
    start();
    raw_client a(*this);
    raw_client b(*this);
    ASSERT_TRUE(a.open());
    ASSERT_TRUE(b.open());
    a.close();
    b.reset();
    EXPECT_TRUE(until([&] { return closes("1006", "lost") == 2; }));
}

TEST_F(WsSession, WhatBreaksTheProtocolClosesWithItsCode) {
    start();
    const auto code = [&](const std::string& bytes) {
        raw_client c(*this);
        EXPECT_TRUE(c.open());
        c.send(bytes);
        const auto f = c.next();
        EXPECT_EQ(f.opcode, 8);
        EXPECT_TRUE(c.ended());
        return f.code();
    };
    EXPECT_EQ(code(std::string("\x81\x02hi")), 1002U);  // not masked
    EXPECT_EQ(code(raw_client::frame(1, "\xC3\x28")), 1007U);
    EXPECT_EQ(code(raw_client::frame(1, std::string(200 * 1024, 'x'))), 1009U);
    EXPECT_EQ(code(raw_client::frame(3, "")), 1002U);
    EXPECT_EQ(closes("1002", "not_masked"), 1);
    EXPECT_EQ(front->sessions(), 0U);
}

TEST_F(WsSession, MoreMessagesThanAllowedClosesWith1008) {
    route().limits.messages_per_second = 5;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    for (int i = 0; i < 20; ++i) {
        c.text("x");
    }
    EXPECT_EQ(c.next().code(), 1008U);
    EXPECT_EQ(closes("1008", "rate"), 1);
}

TEST_F(WsSession, ThePushesOfOneTurnLeaveTogetherAndAreConfirmed) {
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    gateway->on_push(to_all("one"), {16});
    gateway->on_push(to_all("two"), {17});
    gateway->on_push(to_all("three"), {core::tag_channel});
    EXPECT_TRUE(bus.settled_pushes.empty());
    EXPECT_EQ(c.next().payload, "one");
    EXPECT_EQ(c.next().payload, "two");
    EXPECT_EQ(c.next().payload, "three");
    EXPECT_EQ(bus.settled_pushes, (std::vector<std::pair<core::delivery_id, std::uint32_t>>{{16, 1}, {17, 1}}));
    EXPECT_EQ(metrics.delivered.at({"list"}), 2);
    EXPECT_EQ(metrics.delivered.at({"channel"}), 1);
    EXPECT_EQ(metrics.queued_bytes.value(), 0);
}

TEST_F(WsSession, ALargePushReachesAClientThatReadsSlowly) {
    start();
    raw_client c(*this, 4096);
    ASSERT_TRUE(c.open());
    const std::string big(900 * 1024, 'b');
    gateway->on_push(to_all(big), {16});
    turn(20ms);
    EXPECT_TRUE(bus.settled_pushes.empty());
    EXPECT_EQ(c.next().payload, big);
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == 1; }));
    EXPECT_TRUE(bus.lost_pushes.empty());
}

TEST_F(WsSession, AClientThatDoesNotReadIsClosedWhenItsQueueIsFull) {
    route().limits.queue = 256 * 1024;
    start();
    raw_client slow(*this, 4096);
    raw_client quick(*this);
    ASSERT_TRUE(slow.open());
    ASSERT_TRUE(quick.open());
    const std::string message(32 * 1024, 'm');
    core::delivery_id id = 16;
    for (int i = 0; i < 100 && closes("1013", "slow") == 0; ++i) {
        gateway->on_push(to_all(message), {id++});
        EXPECT_EQ(quick.next().payload.size(), message.size());
    }
    EXPECT_EQ(closes("1013", "slow"), 1);
    EXPECT_EQ(front->sessions(), 1U);
    EXPECT_FALSE(bus.lost_pushes.empty());
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == id - 16; }));
    // What is still in the kernel comes, then 1013 at a frame's boundary.
    seen_frame f = slow.next();
    while (f.opcode == 1) {
        EXPECT_EQ(f.payload, message);
        f = slow.next();
    }
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 1013U);
}

TEST_F(WsSession, TheAppsCloseWaitsForTheClientsAnswer) {
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    auto push = to_all("last");
    push.close = proto::close_order{4001, "bye"};
    gateway->on_push(push, {16});
    EXPECT_EQ(c.next().payload, "last");
    const auto f = c.next();
    EXPECT_EQ(f.code(), 4001U);
    EXPECT_EQ(f.payload.substr(2), "bye");
    EXPECT_EQ(front->sessions(), 1U);
    c.send(raw_client::frame(8, raw_client::close_body(4001)));
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(closes("4001", "app"), 1);
}

TEST_F(WsSession, WhileTheAppIsSlowReadingStopsAndGoesOn) {
    route().events = {"message"};
    app.holding = true;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    const std::string frame = raw_client::frame(1, std::string(8000, 'x'));
    std::size_t frames = 0;
    std::size_t sent = 0;
    for (int idle = 0; idle < 20;) {  // until TCP tells us to stop
        const std::size_t n = c.send_some(std::string_view(frame).substr(sent));
        sent += n;
        if (sent == frame.size()) {
            sent = 0;
            ++frames;
        }
        idle = n == 0 ? idle + 1 : 0;
        if (n == 0) {
            turn(2ms);
        }
    }
    EXPECT_LT(metrics.received_bytes.value(), 300'000);
    ASSERT_GT(frames, 40U);
    app.holding = false;
    while (!app.held.empty()) {
        auto f = std::move(app.held.front());
        app.held.pop_front();
        f();
    }
    if (sent != 0) {
        c.send(std::string_view(frame).substr(sent));
        ++frames;
    }
    EXPECT_TRUE(until([&] { return app.seen.size() == frames; }));
}

TEST_F(WsSession, AClientThatLeavesWhileItIsNotReadIsNoticed) {
    route().events = {"message"};
    app.holding = true;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    for (int i = 0; i < 20; ++i) {
        c.text("x");
    }
    ASSERT_TRUE(until([&] { return metrics.received.at({"text"}) == 20; }));
    c.text("unread");
    c.end_sending();
    EXPECT_TRUE(until([&] { return closes("1006", "lost") == 1; }));
}

TEST_F(WsSession, PingsGoOutAndAPongKeepsTheConnection) {
    route().ping = 300ms;
    route().pong_timeout = 300ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(c.next().opcode, 9);
        c.send(raw_client::frame(10, ""));
    }
    EXPECT_EQ(front->sessions(), 1U);
}

TEST_F(WsSession, AClientThatAnswersNoPingIsGone) {
    route().ping = 300ms;
    route().pong_timeout = 300ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    EXPECT_EQ(c.next().opcode, 9);
    EXPECT_TRUE(until([&] { return closes("1006", "pong_timeout") == 1; }, 2s));
    EXPECT_TRUE(c.ended());
}

TEST_F(WsSession, PongTimeoutStandsStillWhileTheAppHoldsUpReading) {
    route().ping = 300ms;
    route().pong_timeout = 300ms;
    route().events = {"message"};
    app.holding = true;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    for (int i = 0; i < 20; ++i) {
        c.text("x");
    }
    turn(1500ms);
    EXPECT_EQ(front->sessions(), 1U);
}

TEST_F(WsSession, PongTimeoutStandsStillWhileBytesBeforeThePingLeave) {
    route().ping = 300ms;
    route().pong_timeout = 500ms;
    route().limits.queue = 4 * 1024 * 1024;
    start();
    raw_client c(*this, 2048);
    ASSERT_TRUE(c.open());
    gateway->on_push(to_all(std::string(2 * 1024 * 1024, 'x')), {16});
    // A slow downlink: some bytes again and again, and no pong yet.
    char some[32 * 1024];
    for (int i = 0; i < 30; ++i) {
        turn(80ms);
        ASSERT_GT(::recv(c.fd(), some, sizeof some, 0), 0);
    }
    EXPECT_EQ(front->sessions(), 1U);
    // It stops taking anything: that is a dead client.
    EXPECT_TRUE(until([&] { return closes("1006", "pong_timeout") == 1; }, 4s));
}

TEST_F(WsSession, AFloodOfPingsIsAnsweredWithoutGrowingTheQueue) {
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    std::string pings;
    for (int i = 0; i < 1000; ++i) {
        pings += raw_client::frame(9, std::to_string(i));
    }
    c.send(pings);
    int pongs = 0;
    std::string last;
    while (last != "999") {
        const auto f = c.next();
        ASSERT_EQ(f.opcode, 10);
        last = f.payload;
        ++pongs;
    }
    EXPECT_LT(pongs, 200);
    EXPECT_EQ(metrics.queued_bytes.value(), 0);
}

TEST_F(WsSession, DeflateCompressesBothWaysWhenTheRouteAllowsIt) {
    route().deflate = true;
    route().events = {"message"};
    start();
    raw_client plain(*this);
    raw_client c(*this);
    ASSERT_TRUE(plain.open());
    c.send(raw_client::upgrade("/ws/a", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    EXPECT_NE(c.head().find("Sec-WebSocket-Extensions: permessage-deflate"), std::string::npos);
    const std::string text(5000, 'z');
    gateway->on_push(to_all(text), {16});
    const auto f = c.next();
    EXPECT_TRUE(f.compressed);
    EXPECT_LT(f.payload.size(), 200U);
    EXPECT_EQ(plain.next().payload, text);
    std::string frame = raw_client::frame(1, f.payload);
    frame[0] = static_cast<char>(frame[0] | 0x40);
    c.send(frame);
    ASSERT_TRUE(until([&] { return !app.seen.empty(); }));
    EXPECT_EQ(app.seen.back().body, text);
}

/// The extensions of the 101 for this offer.
std::string negotiated(raw_client& c, const std::string& offer) {
    c.send(raw_client::upgrade("/ws/a", "Sec-WebSocket-Extensions: " + offer + "\r\n"));
    const std::string head = c.head();
    const std::string name = "Sec-WebSocket-Extensions: ";
    const auto at = head.find(name);
    return at == std::string::npos ? "" : head.substr(at + name.size(), head.find("\r\n", at) - at - name.size());
}

std::string compressed_frame(std::string_view payload) {
    std::string frame = raw_client::frame(1, payload);
    frame[0] = static_cast<char>(frame[0] | 0x40);
    return frame;
}

// "Hello" twice by a compressor that goes on with its context: RFC 7692 section 7.2.3.2.
const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
const std::string hello_again("\xf2\x00\x11\x00\x00", 5);

TEST_F(WsSession, AClientMayGoOnWithItsCompressionContext) {
    route().deflate = true;
    route().events = {"message"};
    start();
    raw_client c(*this);
    ASSERT_EQ(negotiated(c, "permessage-deflate"), "permessage-deflate") << "nothing that was not in the offer";
    c.send(compressed_frame(hello));
    ASSERT_TRUE(until([&] { return app.seen.size() == 1; }));
    EXPECT_EQ(metrics.deflate_window_bytes.value(), 5);
    c.send(raw_client::frame(1, "plain, and no part of the window") + compressed_frame(hello_again));
    ASSERT_TRUE(until([&] { return app.seen.size() == 3; }));
    EXPECT_EQ(app.seen.back().body, "Hello");
    c.close();
    ASSERT_TRUE(until([&] { return front->sessions() == 0; }));
    EXPECT_EQ(metrics.deflate_window_bytes.value(), 0);
}

TEST_F(WsSession, TheWindowOfAClientIsBounded) {
    route().deflate = true;
    route().events = {"message"};
    start();
    raw_client c(*this);
    ASSERT_EQ(negotiated(c, "permessage-deflate; client_max_window_bits=10"), "permessage-deflate; client_max_window_bits=10");
    proto::deflater z(10);
    std::size_t sent = 0;
    for (const std::size_t size : {300, 700, 5000, 1, 100}) {
        c.send(compressed_frame(z.compress(std::string(size, 'x'))));
        ++sent;
        ASSERT_TRUE(until([&] { return app.seen.size() == sent; }));
        EXPECT_EQ(app.seen.back().body.size(), size);
        EXPECT_LE(metrics.deflate_window_bytes.value(), 1024);
    }
    EXPECT_EQ(metrics.deflate_window_bytes.value(), 1024);
    raw_client none(*this);
    negotiated(none, "permessage-deflate; client_no_context_takeover");
    none.send(compressed_frame(hello) + compressed_frame(hello_again));
    EXPECT_EQ(none.next().code(), 1007U) << "it said that its messages stand alone";
    EXPECT_EQ(metrics.deflate_window_bytes.value(), 1024);
}

TEST_F(WsSession, ACloseIsAnsweredToAPeerThatHasShutItsSendingSide) {
    route().events = {"message"};
    start();
    for (int i = 0; i < 20; ++i) {
        raw_client c(*this);
        ASSERT_TRUE(c.open());
        c.send(raw_client::frame(8, raw_client::close_body(1000)));
        c.end_sending();
        const auto f = c.next();
        ASSERT_EQ(f.opcode, 8) << i;
        EXPECT_EQ(f.code(), 1000U);
        EXPECT_TRUE(c.ended());
    }
    for (const auto& [bytes, code] : {std::pair(std::string("\x81\x01x"), 1002U),
                                      {raw_client::frame(1, "\xff"), 1007U},
                                      {raw_client::frame(2, std::string(200'000, 'x')), 1009U}}) {
        raw_client c(*this);
        ASSERT_TRUE(c.open());
        c.send(bytes);
        c.end_sending();
        EXPECT_EQ(c.next().code(), code);
    }
}

TEST_F(WsSession, WhatWasQueuedBeforeACloseIsWritten) {
    settings.limits.sndbuf = 4096;
    route().limits.queue = 8U << 20U;
    start();
    raw_client c(*this, 4096);
    ASSERT_TRUE(c.open());
    constexpr int messages = 30;
    for (int i = 0; i < messages; ++i) {
        gateway->on_push(to_all(std::string(50'000, 'q')), {});
    }
    turn();
    c.send(raw_client::frame(8, raw_client::close_body(1000)));
    c.end_sending();
    ASSERT_TRUE(until([&] { return front->sessions() == 0; })) << "the end is told at once";
    for (int i = 0; i < messages; ++i) {
        ASSERT_EQ(c.next().payload.size(), 50'000U) << i;
    }
    EXPECT_EQ(c.next().code(), 1000U);
    EXPECT_TRUE(c.ended());
    EXPECT_EQ(metrics.queued_bytes.value(), 0);
}

TEST_F(WsSession, ARouteMaySettleForTheKernelsWordOrWaitForThePong) {
    settings.outbox.confirm = "pong";
    route().confirm = "write";
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    gateway->on_push(to_all("one"), {16 | core::confirm_by_pong});
    gateway->on_push(to_all("two"), {17});
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == 2; })) << "without any pong";
    EXPECT_TRUE(bus.lost_pushes.empty());
}

TEST_F(WsSession, ARouteMayWaitForThePongWhereOthersDoNot) {
    settings.outbox.confirm = "write";
    route().confirm = "pong";
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    gateway->on_push(to_all("one"), {16});
    EXPECT_EQ(c.next().payload, "one");
    const auto ping = c.next();
    ASSERT_EQ(ping.opcode, 9);
    turn();
    EXPECT_TRUE(bus.settled_pushes.empty());
    c.send(raw_client::frame(10, ping.payload));
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == 1; }));
}

TEST_F(WsSession, WithoutPingsASilentClientStays) {
    route().ping = 0ms;
    route().pong_timeout = 50ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    turn(200ms);
    EXPECT_EQ(front->sessions(), 1U);
}

TEST_F(WsSession, StaysSmall) {
    EXPECT_LE(sizeof(ws_session), 256U) << "mimalloc gives the next larger objects 320 bytes";
    EXPECT_LE(sizeof(transport), 64U);
}

TEST_F(WsSession, AMessageThatIsBegunAndNotEndedIs1008) {
    route().limits.message_time = 300ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    c.send(raw_client::frame(1, "begun", false));
    turn(100ms);
    c.send(raw_client::frame(9, "alive"));
    EXPECT_EQ(c.next().opcode, 10);
    const auto f = c.next();
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 1008U);
    EXPECT_EQ(closes("1008", "message_time"), 1);
    EXPECT_EQ(metrics.limit_hits.at({"limits.message_time"}), 1);
}

TEST_F(WsSession, SoIsAFrameThatTrickles) {
    route().limits.message_time = 300ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    const std::string frame = raw_client::frame(2, std::string(1000, 'x'));
    for (int i = 0; i < 30 && closes("1008", "message_time") == 0; ++i) {
        c.send(frame.substr(static_cast<std::size_t>(i), 1));
        turn(50ms);
    }
    EXPECT_EQ(closes("1008", "message_time"), 1);
}

TEST_F(WsSession, ManyMessagesThatEachEndInTimeAreNoLongMessage) {
    route().events = {"message"};
    route().limits.message_time = 400ms;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    const std::string frame = raw_client::frame(1, "whole");
    c.send(frame.substr(0, 3));
    for (int i = 0; i < 20; ++i) {
        turn(50ms);
        c.send(frame.substr(3) + frame.substr(0, 3));  // each read ends in the middle of the next
    }
    c.send(frame.substr(3));
    ASSERT_TRUE(until([&] { return app.bodies().size() == 21; }));
    turn(600ms);
    c.text("after a pause");
    EXPECT_TRUE(until([&] { return app.bodies().size() == 22; }));
}

TEST_F(WsSession, APingOfManyDaysIsNoPingAtAll) {
    route().ping = 2000h;
    route().pong_timeout = 2000h;
    start();
    raw_client c(*this);
    ASSERT_TRUE(c.open());
    turn(600ms);
    c.send(raw_client::frame(9, "mine"));
    EXPECT_EQ(c.next().opcode, 10) << "and no ping before it";
}

}  // namespace
}  // namespace wsidecar::net
