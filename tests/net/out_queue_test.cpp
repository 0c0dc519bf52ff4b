#include "sidecar/net/out_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::net {
namespace {

core::frame_ptr text(std::string_view s) {
    return core::frame::make(proto::opcode::text, s);
}

/// What would go onto the wire next.
std::string next(const out_queue& q, int max = 64) {
    iovec parts[64];
    const int n = q.gather(parts, max);
    std::string all;
    for (int i = 0; i < n; ++i) {
        all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    }
    return all;
}

TEST(OutQueue, GivesBackTheSameBytesHoweverTheyLeave) {
    out_queue q;
    std::string expected;
    for (int i = 0; i < 200; ++i) {
        const auto f = text(std::string(static_cast<std::size_t>(i % 17), 'x'));
        expected += f->bytes();
        q.push({f, static_cast<std::uint64_t>(i)});
    }
    std::string got;
    std::uint64_t done = 0;
    while (!q.empty()) {
        const std::string part = next(q).substr(0, 7);
        got += part;
        q.consume(part.size(), [&](std::uint64_t tag) { EXPECT_EQ(tag, done++); });
    }
    EXPECT_EQ(got, expected);
    EXPECT_EQ(done, 200U);
}

TEST(OutQueue, AFrameIsDoneWithItsLastByteOnly) {
    out_queue q;
    q.push({text("hello"), 5});
    int done = 0;
    q.consume(6, [&](std::uint64_t) { ++done; });
    EXPECT_EQ(done, 0);
    q.consume(1, [&](std::uint64_t) { ++done; });
    EXPECT_EQ(done, 1);
    EXPECT_TRUE(q.empty());
}

TEST(OutQueue, DroppingKeepsAFrameThatHasBegun) {
    out_queue q;
    q.push({text("first"), 1});
    q.push({text("second"), 2});
    q.consume(3, [](std::uint64_t) {});
    std::vector<std::uint64_t> dropped;
    EXPECT_EQ(q.drop_waiting(false, [&](const auto& i) { dropped.push_back(i.tag); }), 8U);
    EXPECT_EQ(dropped, (std::vector<std::uint64_t>{2}));
    EXPECT_EQ(next(q), "irst");
}

TEST(OutQueue, DroppingEverythingCountsOnlyTheBytesThatWereLeft) {
    out_queue q;
    q.push({text("first"), 1});
    q.push({text("second"), 2});
    q.consume(3, [](std::uint64_t) {});
    EXPECT_EQ(q.drop_waiting(true, [](const auto&) {}), 4U + 8U);
    EXPECT_TRUE(q.empty());
    q.push({text("third"), 3});
    EXPECT_EQ(next(q), text("third")->bytes()) << "whoever uses it next begins with a whole frame";
}

TEST(OutQueue, FindsTheLastFrameOfATagUnlessItHasBegun) {
    out_queue q;
    q.push({text("a"), 9});
    q.push({text("b"), 1});
    ASSERT_NE(q.last_waiting(9), nullptr);
    q.consume(1, [](std::uint64_t) {});
    EXPECT_EQ(q.last_waiting(9), nullptr);
}

TEST(OutQueue, OneThatNeverRunsEmptyDoesNotGrowForEver) {
    out_queue q;
    const auto f = text("0123456789");
    q.push({f, 1});
    for (int i = 0; i < 100'000; ++i) {
        q.push({f, 1});
        q.consume(f->bytes().size() + (i == 0 ? 1 : 0), [](std::uint64_t) {});
    }
    EXPECT_FALSE(q.empty());
    q.consume(f->bytes().size(), [](std::uint64_t) {});
    EXPECT_TRUE(q.reusable() || q.size() == 0);
}

TEST(OutQueue, WhatAResponseHasCannotBeTakenOut) {
    out_queue q;
    q.push({text("first"), 1});
    q.push({text("second"), 2});
    q.give();
    EXPECT_EQ(q.next().tag, 2U);
    EXPECT_EQ(q.take_first([](const auto&) { return true; }).tag, 2U);
    EXPECT_FALSE(q.take_first([](const auto&) { return true; }).frame);
    EXPECT_TRUE(q.all_given());
    std::vector<std::uint64_t> done;
    q.written([&](const auto& i) { done.push_back(i.tag); });
    EXPECT_EQ(done, (std::vector<std::uint64_t>{1}));
    EXPECT_TRUE(q.empty());
}

TEST(OutQueue, WhatAResponseHadIsThereAgainWhenNobodyKnowsThatItArrived) {
    out_queue q;
    q.push({text("first"), 1});
    q.give();
    q.not_taken();
    EXPECT_FALSE(q.all_given());
    EXPECT_EQ(q.drop_waiting(false, [](const auto&) {}), 7U);
    EXPECT_TRUE(q.empty());
}

}  // namespace
}  // namespace wsidecar::net
