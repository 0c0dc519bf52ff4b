#include "sidecar/net/liveness.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

using namespace std::chrono_literals;

struct Liveness : testing::Test {
    Liveness() {
        route.ping = 10s;
        route.pong_timeout = 5s;
        live.start(route, 0);
    }
    /// The first ping is spread over the period: it is put when it is due.
    std::uint32_t ping() {
        const std::uint32_t at = live.next_look(route, 0, false);
        EXPECT_TRUE(live.wants_ping(route, at));
        live.ping_stands_at(bytes, bytes);
        live.pinged(route, at);
        return at;
    }
    bool is_lost(std::uint32_t now, bool paused = false) {
        return live.is_lost(route, now, false, paused, [this] { return acknowledged; });
    }

    config::route route;
    liveness live;
    std::uint32_t bytes = 1000;
    std::uint32_t acknowledged = 1000;
};

TEST_F(Liveness, TheFirstPingIsSpreadOverThreeQuartersOfThePeriod) {
    const std::uint32_t first = live.next_look(route, 0, false);
    EXPECT_GE(first, 2'500U);
    EXPECT_LE(first, 10'000U);
    EXPECT_FALSE(live.wants_ping(route, first - 1));
}

TEST_F(Liveness, WithoutAnAnswerInTimeTheClientIsLost) {
    const auto at = ping();
    EXPECT_FALSE(is_lost(at + 4'999));
    EXPECT_TRUE(is_lost(at + 5'000));
}

TEST_F(Liveness, AnyByteIsAnAnswer) {
    const auto at = ping();
    live.heard();
    EXPECT_FALSE(is_lost(at + 5'000));
    EXPECT_TRUE(live.wants_ping(route, at + 10'000));
}

TEST_F(Liveness, OnlyThePongItselfProvesAPush) {
    const auto at = ping();
    live.asked_for_proof(route, at);
    live.heard();
    const auto all = [this] { return acknowledged; };
    EXPECT_FALSE(live.is_lost(route, at + 14'999, true, false, all));
    EXPECT_TRUE(live.is_lost(route, at + 15'000, true, false, all));
}

TEST_F(Liveness, TimeStandsStillWhileBytesBeforeThePingLeave) {
    acknowledged = 100;
    const std::uint32_t at = live.next_look(route, 0, false);
    live.ping_stands_at(bytes, acknowledged);
    live.pinged(route, at);
    acknowledged = 200;
    EXPECT_FALSE(is_lost(at + 5'000));
    acknowledged = 300;
    EXPECT_FALSE(is_lost(at + 10'000));
    EXPECT_TRUE(is_lost(at + 15'000)) << "nothing moves any more";
}

TEST_F(Liveness, APausedClientIsNotLost) {
    const auto at = ping();
    EXPECT_FALSE(is_lost(at + 5'000, true));
    live.resumed(route, at + 9'000);
    EXPECT_FALSE(is_lost(at + 13'999));
    EXPECT_TRUE(is_lost(at + 14'000));
}

TEST_F(Liveness, TheLastBytesMayTakeTheirTimeWhileTheyMove) {
    live.begin_leaving(0, 10);
    EXPECT_TRUE(live.still_leaving(5'000, 20));
    EXPECT_FALSE(live.still_leaving(10'000, 20)) << "no progress";
    EXPECT_TRUE(live.still_leaving(15'000, 30));
    EXPECT_FALSE(live.still_leaving(30'000, 40)) << "too long, whatever the progress";
}

TEST_F(Liveness, TimesAreToldApartAcrossTheWrapOfTheClock) {
    const std::uint32_t late = UINT32_MAX - 1'000;
    live.ping_stands_at(bytes, bytes);
    live.pinged(route, late);
    EXPECT_FALSE(is_lost(late + 4'999));
    EXPECT_TRUE(is_lost(late + 5'000));
}

}  // namespace
}  // namespace wsidecar::net
