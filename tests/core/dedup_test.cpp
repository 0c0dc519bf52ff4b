#include "sidecar/core/dedup.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

TEST(Dedup, TheSecondPushWithAnIdIsNotTheFirst) {
    dedup d(60s);
    const dedup::time_point t{1h};
    EXPECT_TRUE(d.first("c1", dedup::hash("order-7"), t));
    EXPECT_FALSE(d.first("c1", dedup::hash("order-7"), t + 59s));
}

TEST(Dedup, AnotherConnectionOrIdIsItsOwn) {
    dedup d(60s);
    const dedup::time_point t{1h};
    EXPECT_TRUE(d.first("c1", dedup::hash("a"), t));
    EXPECT_TRUE(d.first("c2", dedup::hash("a"), t));
    EXPECT_TRUE(d.first("c1", dedup::hash("b"), t));
    EXPECT_TRUE(d.first("a", dedup::hash("c1"), t));
}

TEST(Dedup, RemembersForTheWholeWindowWhereverItBegan) {
    dedup d(60s);
    const dedup::time_point t{1h};
    EXPECT_TRUE(d.first("c", dedup::hash("early"), t));
    EXPECT_TRUE(d.first("c", dedup::hash("late"), t + 59s));
    EXPECT_FALSE(d.first("c", dedup::hash("late"), t + 118s));
}

TEST(Dedup, ForgetsAfterTwiceTheWindow) {
    dedup d(60s);
    const dedup::time_point t{1h};
    EXPECT_TRUE(d.first("c", dedup::hash("a"), t));
    EXPECT_TRUE(d.first("c", dedup::hash("a"), t + 121s));
    EXPECT_EQ(d.size(), 1U);
}

}  // namespace
}  // namespace wsidecar::core
