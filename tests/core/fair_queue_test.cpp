#include "sidecar/core/fair_queue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::core {
namespace {

std::string all(fair_queue<char>& q, std::size_t share) {
    std::string out;
    while (const auto c = q.pop(share)) {
        out += *c;
    }
    return out;
}

TEST(FairQueue, OwnersTakeTurnsAndEachKeepsItsOrder) {
    fair_queue<char> q;
    for (const char c : std::string("abcde")) {
        q.push(1, c);
    }
    q.push(2, 'x');
    q.push(2, 'y');
    q.push(3, '-');
    EXPECT_EQ(q.size(), 8U);
    EXPECT_EQ(all(q, 9), "ax-bycde");
    EXPECT_TRUE(q.empty());
}

TEST(FairQueue, AnOwnerThatHoldsItsShareWaitsWhileOthersGo) {
    fair_queue<char> q;
    q.take_place(1);
    q.take_place(1);
    EXPECT_FALSE(q.may_go(1, 2));
    q.push(1, 'a');
    q.push(2, 'b');
    EXPECT_EQ(all(q, 2), "b");
    EXPECT_EQ(q.size(), 1U);
    q.give_back(1);
    EXPECT_FALSE(q.may_go(1, 2)) << "what came before goes first";
    EXPECT_EQ(all(q, 2), "a");
    EXPECT_TRUE(q.may_go(1, 2));
}

TEST(FairQueue, NobodyInParticularHasNoShare) {
    fair_queue<char> q;
    for (int i = 0; i < 10; ++i) {
        q.take_place(0);
    }
    EXPECT_TRUE(q.may_go(0, 1));
    q.push(0, 'a');
    EXPECT_EQ(all(q, 1), "a");
}

TEST(FairQueue, IsEmptyOnceItWasCleared) {
    fair_queue<char> q;
    q.push(1, 'a');
    q.take_place(1);
    q.clear();
    EXPECT_TRUE(q.empty());
    EXPECT_FALSE(q.pop(1));
    EXPECT_TRUE(q.may_go(1, 1));
}

}  // namespace
}  // namespace wsidecar::core
