#include "sidecar/net/sockjs_session.hpp"

#include "sidecar/core/client_resources.hpp"
#include "sidecar/net/session_shared.hpp"
#include "tests/net/client_house.hpp"

namespace wsidecar::net {
namespace {

proto::envelope to_all(const std::string& text) {
    proto::envelope e;
    e.to.all = true;
    e.kind = proto::payload_kind::text;
    e.payload = text;
    return e;
}

struct SockJsSession : testing::Test, client_house {
    SockJsSession() {
        route().path = "/s";
        route().protocol = "sockjs";
    }
    static std::string request(const std::string& transport, const std::string& body = {}) {
        return "POST /s/000/one/" + transport + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }
    /// The body of the answer to one request on a connection that then ends.
    std::string once(const std::string& transport, const std::string& body = {}) {
        raw_client c(*this);
        std::string r = request(transport, body);
        r.insert(r.find("Content-Length"), "Connection: close\r\n");
        c.send(r);
        c.head();
        return c.answer();
    }
};

TEST_F(SockJsSession, OpensWithOAndGivesOneFrameAPoll) {
    start();
    EXPECT_EQ(once("xhr"), "o\n");
    gateway->on_push(to_all("one"), {});
    gateway->on_push(to_all("two"), {});
    EXPECT_EQ(once("xhr"), "a[\"one\",\"two\"]\n");
    EXPECT_EQ(front->sessions(), 1U);
}

TEST_F(SockJsSession, APushIsConfirmedWhenAResponseHasTakenItWhateverConfirmsItElsewhere) {
    start();
    EXPECT_EQ(once("xhr"), "o\n");
    gateway->on_push(to_all("by write"), {16});
    gateway->on_push(to_all("by pong"), {17 | core::confirm_by_pong});
    turn();
    EXPECT_TRUE(bus.settled_pushes.empty());
    EXPECT_EQ(once("xhr"), "a[\"by write\",\"by pong\"]\n");
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == 2; }));
    EXPECT_TRUE(bus.lost_pushes.empty());
}

TEST_F(SockJsSession, WhatWasNotTakenIsLostWithTheSession) {
    start();
    raw_client c(*this);
    c.send(request("xhr_streaming"));
    EXPECT_NE(c.head().find("X-Accel-Buffering: no\r\n"), std::string::npos);
    EXPECT_TRUE(until([&] { return front->sessions() == 1; }));
    c.close();
    EXPECT_TRUE(until([&] { return front->sessions() == 0; }));
    EXPECT_EQ(closes("1006", "lost"), 1);
    EXPECT_EQ(once("xhr"), "c[1002,\"Connection interrupted\"]\n");
}

TEST_F(SockJsSession, ThoseThatHaveEndedHoldNoMoreThanTheirBytes) {
    settings.limits.headers = route().limits.headers = 32 * 1024;
    settings.app.max_header = 64 * 1024;
    start();
    const std::string cookie = "Cookie: a=" + std::string(20'000, 'x') + "\r\n";
    const auto open = [&](int number) {
        raw_client c(*this);
        std::string r = request("xhr_streaming");
        r.replace(r.find("/one/"), 5, "/s" + std::to_string(number) + "/");
        r.insert(r.find("Content-Length"), cookie);
        c.send(r);
        c.head();
        c.close();
        EXPECT_TRUE(until([&] { return front->sessions() == 0; }));
    };
    for (int i = 0; i < 80; ++i) {
        open(i);
    }
    EXPECT_GT(front->used().sockjs_ended, core::sockjs_ended_bytes / 2);
    EXPECT_LE(front->used().sockjs_ended, core::sockjs_ended_bytes);
    EXPECT_GT(metrics.limit_hits.at({"sockjs.ended"}), 0);
    const auto late = [&](int number) {
        raw_client c(*this);
        std::string r = request("xhr");
        r.replace(r.find("/one/"), 5, "/s" + std::to_string(number) + "/");
        r.insert(r.find("Content-Length"), cookie + "Connection: close\r\n");
        c.send(r);
        c.head();
        return c.answer();
    };
    EXPECT_EQ(late(79), "c[1002,\"Connection interrupted\"]\n") << "the last is told";
    EXPECT_EQ(late(0), "o\n") << "the first is forgotten: a new one";
}

TEST_F(SockJsSession, ManyMessagesInOneTurnAreNoSlowClientWhileTheKernelTakesThem) {
    route().limits.queue = 64 * 1024;
    start();
    raw_client c(*this);
    c.send(request("xhr_streaming"));
    EXPECT_TRUE(until([&] { return front->sessions() == 1; }));
    turn();
    for (int i = 0; i < 12; ++i) {
        gateway->on_push(to_all(std::string(10'000, 'x')), {static_cast<core::delivery_id>(16 + i)});
    }
    EXPECT_TRUE(until([&] { return bus.settled_pushes.size() == 12; }));
    EXPECT_TRUE(bus.lost_pushes.empty());
    EXPECT_EQ(front->sessions(), 1U);
}

TEST_F(SockJsSession, ASlowConsumersRouteMayRatherLoseMessages) {
    route().limits.queue = 1000;
    route().slow_consumer = "drop_oldest";
    start();
    EXPECT_EQ(once("xhr"), "o\n");
    for (int i = 0; i < 5; ++i) {
        gateway->on_push(to_all(std::to_string(i) + std::string(400, 'x')), {static_cast<core::delivery_id>(16 + i)});
    }
    EXPECT_EQ(bus.lost_pushes, (std::vector<core::delivery_id>{16, 17, 18}));
    const std::string got = once("xhr");
    EXPECT_EQ(got.substr(0, 4) + got.substr(406, 2), "a[\"3\"4") << got.substr(400, 12);
    EXPECT_EQ(metrics.undelivered[core::undelivered_reason::slow_consumer], 3);
}

TEST_F(SockJsSession, AnOverfullOneIsClosedAtTheEndOfTheTurn) {
    route().limits.queue = 1000;
    start();
    EXPECT_EQ(once("xhr"), "o\n");
    for (int i = 0; i < 5; ++i) {
        gateway->on_push(to_all(std::string(400, 'x')), {static_cast<core::delivery_id>(16 + i)});
    }
    EXPECT_EQ(front->sessions(), 1U);
    EXPECT_TRUE(until([&] { return front->sessions() == 0; }));
    EXPECT_EQ(closes("1013", "slow"), 1);
    EXPECT_EQ(bus.settled_pushes.size(), 5U);
    EXPECT_EQ(once("xhr"), "c[1013,\"slow consumer\"]\n");
    EXPECT_EQ(metrics.queued_bytes.value(), 0);
}

TEST_F(SockJsSession, AStompDisconnectIsToldAtOnceAlsoWhenNobodyPollsAnyMore) {
    route().protocol = "stomp";
    route().sockjs = true;
    route().events = {"disconnect"};
    start();
    EXPECT_EQ(once("xhr"), "o\n");
    once("xhr_send", "[\"CONNECT\\naccept-version:1.2\\n\\n\\u0000\"]");
    EXPECT_EQ(once("xhr").substr(0, 12), "a[\"CONNECTED");
    const auto began = clock.now();
    once("xhr_send", "[\"DISCONNECT\\nreceipt:bye\\n\\n\\u0000\"]");
    ASSERT_TRUE(until([&] { return app.event("disconnect") != nullptr; }, 2s));
    EXPECT_LT(clock.now() - began, 1s);
    EXPECT_NE(app.event("disconnect")->headers.find("ws-close-code: 1000\r\n"), std::string::npos);
    EXPECT_EQ(front->sessions(), 0U);
    EXPECT_EQ(once("xhr").substr(0, 10), "a[\"RECEIPT") << "who polls once more gets his receipt";
    EXPECT_EQ(once("xhr"), "c[1000,\"\"]\n");
    EXPECT_EQ(closes("1000", "client"), 1);
}

TEST_F(SockJsSession, ItEndsWithTheServer) {
    start();
    raw_client c(*this);
    c.send(request("xhr_streaming"));
    EXPECT_EQ(once("xhr_send", "[]").size(), 0U);
    EXPECT_TRUE(until([&] { return front->sessions() == 1; }));
    app.holding = true;
    raw_client undecided(*this);
    std::string other = request("xhr");
    other.replace(other.find("/one/"), 5, "/two/");
    undecided.send(other);
    EXPECT_TRUE(until([&] { return app.seen.size() == 2; }));
    front->stop();
    EXPECT_EQ(front->sessions(), 0U);
    EXPECT_EQ(closes("1001", "shutdown"), 1);
    EXPECT_TRUE(c.ended());
    EXPECT_TRUE(undecided.ended());
}

TEST_F(SockJsSession, OnlyWhoHasASessionMaySendMuch) {
    start();
    raw_client c(*this);
    c.send("POST /s/000/none/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    EXPECT_EQ(c.status(), 404);
    raw_client d(*this);
    d.send("POST /s/info HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    EXPECT_EQ(d.status(), 413);
    EXPECT_TRUE(d.ended());
}

TEST_F(SockJsSession, RequestsThatComeTogetherAreAnsweredInTurn) {
    start();
    raw_client c(*this);
    c.send(request("xhr") + request("xhr_send", "[\"a\"]") + "\r\nGET /s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const std::string all = c.answer();
    EXPECT_NE(all.find("o\nHTTP/1.1 204"), std::string::npos) << all;
    EXPECT_TRUE(all.ends_with("Welcome to SockJS!\n")) << all;
    EXPECT_EQ(app.bodies(), std::vector<std::string>{"a"});
}

TEST_F(SockJsSession, FramesOfOnePushAreMadeOnceForAllSessions) {
    start();
    session_shared shared(loop, *gateway, metrics, clock, settings);
    const auto frame = core::frame::make(proto::opcode::text, "\u2028");
    const auto framed = shared.sockjs_framed(frame);
    EXPECT_EQ(framed->payload(), "a[\"\\u2028\"]");
    EXPECT_EQ(shared.sockjs_framed(frame), framed);
    EXPECT_EQ(shared.sockjs_framed(core::frame::make(proto::opcode::binary, "\xff")), nullptr);
    EXPECT_NE(shared.sockjs_framed(frame), nullptr);
}

}  // namespace
}  // namespace wsidecar::net
