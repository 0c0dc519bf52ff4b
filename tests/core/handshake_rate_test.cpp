#include "sidecar/core/handshake_rate.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

struct HandshakeRate : testing::Test {
    unsigned taken_at(timer_port::clock::time_point now, const char* name, std::uint32_t per_second) {
        unsigned n = 0;
        while (n < 100'000 && rate.take(name, per_second, now)) {
            ++n;
        }
        return n;
    }
    handshake_rate rate;
    timer_port::clock::time_point start{1h};
};

TEST_F(HandshakeRate, ABurstOfTenSecondsPassesAtOnceAndThenTheRate) {
    EXPECT_EQ(taken_at(start, "alice", 5), 50U);
    EXPECT_EQ(taken_at(start + 100ms, "alice", 5), 0U);
    EXPECT_EQ(taken_at(start + 1s, "alice", 5), 5U);
    EXPECT_EQ(taken_at(start + 1h, "alice", 5), 50U);
}

TEST_F(HandshakeRate, OneNameTakesNothingFromAnother) {
    EXPECT_EQ(taken_at(start, "alice", 1), 10U);
    EXPECT_EQ(taken_at(start, "bob", 1), 10U);
}

TEST_F(HandshakeRate, ZeroIsNoLimitAndRemembersNothing) {
    EXPECT_TRUE(rate.take("alice", 0, start));
    EXPECT_EQ(rate.names(), 0U);
}

TEST_F(HandshakeRate, ALowerRateCountsWhatWasTakenAtTheHigherOne) {
    EXPECT_EQ(taken_at(start, "alice", 100), 1000U);
    EXPECT_EQ(taken_at(start, "alice", 1), 0U);
    EXPECT_EQ(taken_at(start + 10s, "alice", 1), 10U);
}

TEST_F(HandshakeRate, WhatIsChargedIsPaidBeforeTheNextAndNeverLongerThanTheBucketTakesToFill) {
    rate.charge("alice", 5, 9s, start);
    EXPECT_EQ(taken_at(start, "alice", 5), 5U);
    rate.charge("alice", 5, 1h, start);
    EXPECT_EQ(taken_at(start + 10s, "alice", 5), 0U);
    EXPECT_EQ(taken_at(start + 11s, "alice", 5), 5U);
    rate.charge("bob", 0, 1h, start);
    EXPECT_EQ(taken_at(start, "bob", 5), 50U) << "without a rate nothing is remembered";
}

TEST_F(HandshakeRate, AnyNumberOfNamesTakesABoundedTable) {
    for (std::size_t i = 0; i < 4 * handshake_rate::names_at_most; ++i) {
        ASSERT_TRUE(rate.take(std::to_string(i), 1, start));
    }
    EXPECT_LE(rate.names(), handshake_rate::names_at_most);
}

TEST_F(HandshakeRate, NamesWhoseBucketIsFullAgainAreForgotten) {
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(rate.take(std::to_string(i), 1, start));
    }
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(rate.take("later " + std::to_string(i), 1, start + 11s));
    }
    EXPECT_LE(rate.names(), 1001U);
}

}  // namespace
}  // namespace wsidecar::core
