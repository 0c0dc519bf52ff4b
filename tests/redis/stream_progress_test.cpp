#include "sidecar/redis/stream_progress.hpp"

#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

TEST(StreamProgress, ItIsSettledUpToTheFirstThatIsNot) {
    stream_progress p;
    for (const std::uint64_t ms : {1U, 2U, 3U}) {
        EXPECT_TRUE(p.begin({ms, 0}));
    }
    p.end({2, 0});
    EXPECT_EQ(p.settled(), core::place{}) << "the first is not settled";
    p.end({1, 0});
    EXPECT_EQ(p.settled(), (core::place{2, 0}));
    p.end({9, 0});
    EXPECT_EQ(p.settled(), (core::place{2, 0})) << "nobody knows that one";
    p.end({3, 0});
    EXPECT_EQ(p.settled(), (core::place{3, 0}));
}

TEST(StreamProgress, WhatWasReadBeforeIsNotReadAgain) {
    stream_progress p;
    p.reset({5, 1});
    EXPECT_FALSE(p.begin({5, 1}));
    EXPECT_TRUE(p.begin({5, 2}));
    EXPECT_FALSE(p.begin({5, 2}));
    p.end({5, 2});
    EXPECT_FALSE(p.begin({5, 2})) << "it is settled";
}

}  // namespace
}  // namespace wsidecar::redis
