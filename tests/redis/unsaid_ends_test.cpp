#include "sidecar/redis/unsaid_ends.hpp"

#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using step = unsaid_ends::step;
using cause = unsaid_ends::cause;

class UnsaidEnds : public testing::Test {
protected:
    UnsaidEnds() {
        time.pass(1h);
        ends.start([this] { ++said; });
    }

    core::manual_time time;
    unsaid_ends ends{time};
    int said = 0;
};

TEST_F(UnsaidEnds, WhatRedisRefusedIsSaidAgainInAMoment) {
    ends.add(step::retire, core::registration::of_id("c1"), cause::redis_refused);
    ends.add(step::forget, core::registration::of_id("c1"), cause::redis_refused);
    time.pass(100ms);
    EXPECT_EQ(said, 1);
    const auto all = ends.take();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].what, step::retire);
    EXPECT_EQ(all[1].what, step::forget);
    EXPECT_TRUE(ends.empty());
    time.pass(1h);
    EXPECT_EQ(said, 1);
}

TEST_F(UnsaidEnds, WhileRedisIsAwayTheHeartbeatSaysThem) {
    ends.add(step::retire, core::registration::of_id("c1"), cause::redis_down);
    time.pass(1h);
    EXPECT_EQ(said, 0);
    EXPECT_FALSE(ends.empty());
}

TEST_F(UnsaidEnds, PushesAreHeldBackForFiveSecondsAtMost) {
    EXPECT_FALSE(ends.hold_pushes_back());
    for (int i = 0; i < 6; ++i) {
        ends.add(step::retire, core::registration::of_id("c1"), cause::redis_down);
        EXPECT_TRUE(ends.hold_pushes_back()) << i;
        time.pass(900ms);
    }
    ends.add(step::retire, core::registration::of_id("c1"), cause::redis_down);
    EXPECT_FALSE(ends.hold_pushes_back()) << "it has been going on since the first";
    time.pass(2s);
    ends.take();
    ends.add(step::retire, core::registration::of_id("c2"), cause::redis_down);
    EXPECT_TRUE(ends.hold_pushes_back()) << "this is another time";
}

}  // namespace
}  // namespace wsidecar::redis
