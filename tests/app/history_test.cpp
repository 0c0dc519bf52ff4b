#include "sidecar/app/history.hpp"

#include <gtest/gtest.h>

namespace wsidecar::app {
namespace {
using namespace std::chrono_literals;

struct History : testing::Test {
    core::metrics m;
    history h;
    history::time_point now{};
    void second() { h.take(m, now += 1s); }
};

TEST_F(History, WithoutTwoSamplesThereIsNothingToSay) {
    EXPECT_EQ(h.look().seconds, 0);
    second();
    EXPECT_EQ(h.look().now.accepted, 0);
    EXPECT_FALSE(h.look().event.p50);
}

TEST_F(History, RatesAreOfTheLastSeconds) {
    m.handshakes.at({"accepted"}) += 1000;  // long ago
    second();
    for (int i = 0; i < 10; ++i) {
        m.handshakes.at({"accepted"}) += i < 5 ? 50 : 10;
        m.handshakes.at({"max_connections"}) += 2;
        m.received.at({"text"}) += 3;
        m.received.at({"binary"}) += 1;
        m.pushes.at({"list"}) += 7;
        m.delivered.at({"list"}) += 6;
        second();
    }
    const auto r = h.look().now;
    EXPECT_DOUBLE_EQ(r.accepted, 10);
    EXPECT_DOUBLE_EQ(r.refused, 2);
    EXPECT_DOUBLE_EQ(r.messages_in, 4);
    EXPECT_DOUBLE_EQ(r.pushes, 7);
    EXPECT_DOUBLE_EQ(r.delivered, 6);
}

TEST_F(History, LatenciesAreOfTheLastMinute) {
    m.event_seconds.observe(20);
    second();
    for (int i = 0; i < 60; ++i) {
        m.event_seconds.observe(0.02);
        second();
    }
    const auto f = h.look();
    EXPECT_EQ(f.seconds, 60);
    EXPECT_EQ(f.event.count, 60U) << "the slow one is forgotten";
    EXPECT_GT(*f.event.p99, 0.01);
    EXPECT_LE(*f.event.p99, 0.025);
    EXPECT_FALSE(f.push.p99);
}

TEST(Quantile, IsEstimatedAsPrometheusDoes) {
    std::vector<std::uint64_t> buckets(core::histogram::bounds().size() + 1);
    EXPECT_FALSE(quantile(buckets, 0.5));
    buckets[3] = 100;  // 2.5 to 5 ms
    EXPECT_DOUBLE_EQ(*quantile(buckets, 0.5), 0.00375);
    EXPECT_DOUBLE_EQ(*quantile(buckets, 1), 0.005);
    buckets.back() = 900;  // above all bounds
    EXPECT_DOUBLE_EQ(*quantile(buckets, 0.99), 30);
}

}  // namespace
}  // namespace wsidecar::app
