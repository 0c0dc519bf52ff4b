#include "sidecar/net/server.hpp"

#include "tests/net/client_house.hpp"

namespace wsidecar::net {
namespace {

struct Server : testing::Test, client_house {
    std::vector<std::unique_ptr<raw_client>> open(int n) {
        std::vector<std::unique_ptr<raw_client>> all;
        for (int i = 0; i < n; ++i) {
            all.push_back(std::make_unique<raw_client>(*this));
            EXPECT_TRUE(all.back()->open());
        }
        return all;
    }
};

TEST_F(Server, DrainClosesAllWith1001SpreadOverThePeriod) {
    start();
    auto all = open(20);
    bool done = false;
    const auto begun = clock.now();
    front->drain(400ms, [&] { done = true; });
    turn(100ms);
    EXPECT_FALSE(done);
    int closed = 0;
    for (auto& c : all) {
        const auto f = c->next();
        EXPECT_EQ(f.code(), 1001U);
        closed += f.opcode == 8;
        c->send(raw_client::frame(8, f.payload));
    }
    EXPECT_EQ(closed, 20);
    EXPECT_TRUE(until([&] { return done; }));
    EXPECT_GE(clock.now() - begun, 300ms);
    EXPECT_EQ(closes("1001", "drain"), 20);
    EXPECT_EQ(metrics.drain_remaining.value(), 0);
}

TEST_F(Server, DrainTakesIdleConnectionsFirst) {
    route().events = {"message"};
    app.holding = true;
    start();
    auto all = open(4);
    all[0]->text("busy");
    ASSERT_TRUE(until([&] { return app.held.size() == 1; }));
    front->drain(800ms, [] {});
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_EQ(all[i]->next().code(), 1001U);
        all[i]->send(raw_client::frame(8, raw_client::close_body(1001)));
    }
    EXPECT_TRUE(until([&] { return front->sessions() == 1; }));
    // The answer still comes before the close.
    app.reply = {};
    app.held.front()();
    EXPECT_EQ(all[0]->next().code(), 1001U);
}

TEST_F(Server, DrainOfNothingIsDoneAtOnce) {
    start();
    bool done = false;
    front->drain(10s, [&] { done = true; });
    EXPECT_TRUE(done);
}

TEST_F(Server, MessagesOnTheWayAreDeliveredWhileDraining) {
    route().events = {"message"};
    start();
    auto all = open(1);
    front->drain(0ms, [] {});
    EXPECT_EQ(all[0]->next().code(), 1001U);
    all[0]->text("on the way");
    all[0]->send(raw_client::frame(8, raw_client::close_body(1001)));
    EXPECT_TRUE(all[0]->ended());
    EXPECT_EQ(app.bodies(), (std::vector<std::string>{"on the way"}));
}

TEST_F(Server, StopTellsTheGatewayOfEveryConnection) {
    start();
    auto all = open(3);
    front->stop();
    EXPECT_EQ(front->sessions(), 0U);
    EXPECT_EQ(gateway->connections(), 0U);
    EXPECT_TRUE(all[0]->ended());
}

TEST_F(Server, ShedsTheLargestQueuesFirst) {
    start();
    auto all = open(2);
    int tiny = 2048;
    ::setsockopt(all[0]->fd(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
    proto::envelope e;
    e.to.all = true;
    e.kind = proto::payload_kind::binary;
    e.payload = std::string(200 * 1024, 'x');
    for (core::delivery_id id = 16; id < 32 && metrics.queued_bytes.value() < 400'000; ++id) {
        gateway->on_push(e, {id});
        EXPECT_EQ(all[1]->next().payload.size(), e.payload.size());
    }
    front->shed(true, 1);
    EXPECT_EQ(front->sessions(), 1U);
    EXPECT_EQ(closes("1013", "slow"), 1);
    raw_client refused(*this);
    refused.send(raw_client::upgrade("/ws/a"));
    EXPECT_EQ(refused.status(), 503);
    front->shed(false, 0);
    EXPECT_TRUE(raw_client(*this).open());
}

TEST_F(Server, ManyConnectionsComeAndGo) {
    start();
    for (int round = 0; round < 3; ++round) {
        auto all = open(100);
        EXPECT_EQ(front->sessions(), 100U);
        proto::envelope e;
        e.to.all = true;
        e.kind = proto::payload_kind::text;
        e.payload = "all";
        gateway->on_push(e, {core::tag_channel});
        for (auto& c : all) {
            EXPECT_EQ(c->next().payload, "all");
            c->close();
        }
        EXPECT_TRUE(until([&] { return front->sessions() == 0; }));
    }
}

TEST_F(Server, AcceptsNoFasterThanAcceptRateAndRefusesNobody) {
    settings.accept_rate = 100;
    start();
    const auto begin = clock.now();
    std::vector<std::unique_ptr<raw_client>> clients;
    for (int i = 0; i < 25; ++i) {
        clients.push_back(std::make_unique<raw_client>(*this));
        clients.back()->send(raw_client::upgrade("/ws/a"));
    }
    for (auto& c : clients) {
        EXPECT_EQ(c->status(), 101);
    }
    const auto took = clock.now() - begin;
    EXPECT_GE(took, 150ms) << "5 at once, then one each 10 ms";
    EXPECT_GT(metrics.limit_hits.at({"accept_rate"}), 0);
}

TEST_F(Server, ShedsWhoHoldsMostWhateverItIs) {
    start();
    auto all = open(3);
    all[0]->send(raw_client::frame(2, std::string(1000, 'x'), false));
    all[1]->send(raw_client::frame(2, std::string(100'000, 'x'), false));
    ASSERT_TRUE(until([&] { return front->held_bytes() > 100'000; }));
    front->shed(true, 1);
    EXPECT_EQ(all[1]->next().code(), 1013U);
    EXPECT_EQ(front->sessions(), 2U);
    EXPECT_LT(front->held_bytes(), 50'000U) << "what was begun is given back at once";
    EXPECT_EQ(metrics.limit_hits.at({"memory_bytes"}), 1);
    front->shed(false, 0);
}

TEST_F(Server, ShedsHeadsInTheMakingToo) {
    start();
    raw_client c(*this);
    c.send("GET / HTTP/1.1\r\nX: " + std::string(12'000, 'x'));
    ASSERT_TRUE(until([&] { return front->used().pending_bytes > 10'000; }));
    front->shed(true, 1);
    EXPECT_EQ(front->used().pending_bytes, 0U);
    EXPECT_EQ(c.status(), 503);
}

}  // namespace
}  // namespace wsidecar::net
