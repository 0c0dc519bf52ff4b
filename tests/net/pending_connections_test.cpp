#include "sidecar/net/pending_connections.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "tests/core/manual_time.hpp"

namespace wsidecar::net {
namespace {

using namespace std::chrono_literals;

struct PendingConnections : testing::Test {
    struct one : pending_connections::member {
        ~one() { leave_pending(); }
        void give_way() override { ended = true; }
        bool waits_for_peer() const override { return says_nothing; }
        void leave() { leave_pending(); }
        bool ended = false;
        bool says_nothing = false;
    };

    PendingConnections() { all.limit({4, 1000}); }

    one& come(const std::string& address, std::size_t per_address = 0, bool idle = false) {
        members.emplace_back();
        all.enter(members.back(), {address, per_address, true, idle});
        return members.back();
    }

    core::manual_time clock;
    pending_connections all{clock};
    std::deque<one> members;
};

TEST_F(PendingConnections, AFullHouseTakesFromTheAddressThatHasMostTheOneThatCameFirst) {
    one& honest = come("198.51.100.1");
    one& first = come("203.0.113.1");
    one& second = come("203.0.113.1");
    come("203.0.113.1");
    EXPECT_FALSE(all.full());
    EXPECT_TRUE(come("198.51.100.2").pending());
    EXPECT_TRUE(first.ended);
    EXPECT_FALSE(second.ended || honest.ended);
    EXPECT_EQ(all.count(), 4U);
    EXPECT_TRUE(all.full());
    clock.pass(11s);
    EXPECT_FALSE(all.full());
}

TEST_F(PendingConnections, IdleOnesGoBeforeThoseAtWorkAndAtOnce) {
    one& at_work = come("10.0.0.1");
    one& first = come("10.0.0.1", 0, true);
    one& second = come("10.0.0.1", 0, true);
    come("10.0.0.1");
    EXPECT_FALSE(all.rushed());
    all.begins(first);
    come("10.0.0.1");
    EXPECT_TRUE(second.ended);
    EXPECT_FALSE(first.ended || at_work.ended);
    EXPECT_TRUE(all.rushed());
}

TEST_F(PendingConnections, OneClientThatHasTooManyNeedsNoTime) {
    all.limit({4, 1000});
    for (int i = 0; i < 5; ++i) {
        members.emplace_back();
        all.enter(members.back(), {"203.0.113.1"});
        EXPECT_FALSE(all.rushed());
    }
    EXPECT_TRUE(members[0].ended);
    EXPECT_EQ(all.count(), 4U);
}

TEST_F(PendingConnections, InARushOfNewOnesAcceptingRestsAndNobodyIsTurnedAway) {
    bool room = false;
    all.on_room = [&] { room = true; };
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(all.rushed());
        come("10.0.0.1");
    }
    EXPECT_TRUE(all.rushed());
    members[2].leave();
    EXPECT_TRUE(room);
    EXPECT_FALSE(all.rushed());
    for (auto& m : members) {
        EXPECT_FALSE(m.ended);
    }
    come("10.0.0.1");
    EXPECT_TRUE(all.rushed());
    clock.pass(3s);
    EXPECT_FALSE(all.rushed()) << "they have had their time: the oldest makes room";
    come("10.0.0.1");
    EXPECT_TRUE(members[0].ended);
}

TEST_F(PendingConnections, WhoSaysNothingIsNoRush) {
    for (int i = 0; i < 4; ++i) {
        come("10.0.0.1").says_nothing = i < 2;
    }
    EXPECT_TRUE(all.rushed());
    clock.pass(200ms);
    EXPECT_TRUE(all.rushed()) << "a client far away";
    clock.pass(100ms);
    EXPECT_FALSE(all.rushed());
    one& newcomer = come("10.0.0.1");
    EXPECT_TRUE(members[0].ended && newcomer.pending());
    EXPECT_FALSE(all.rushed()) << "the next says nothing either";
    come("10.0.0.1");
    EXPECT_TRUE(members[1].ended);
    EXPECT_TRUE(all.rushed()) << "the third has sent something that we have not read";
    EXPECT_FALSE(members[2].ended);
}

TEST_F(PendingConnections, AnAddressHasNoMoreThanItsOwn) {
    one& first = come("2001:db8::1", 2);
    come("2001:db8::2", 2);
    come("2001:db8::3", 2);
    EXPECT_TRUE(first.ended) << "of one /64";
    EXPECT_EQ(all.count(), 2U);
    EXPECT_FALSE(all.full());
}

TEST_F(PendingConnections, BytesAreTakenFromTheAddressThatHoldsMost) {
    one& honest = come("198.51.100.1");
    one& idle = come("203.0.113.1");
    one& large = come("203.0.113.1");
    one& other = come("203.0.113.1");
    all.holds(honest, 300);
    all.holds(large, 400);
    all.holds(other, 250);
    EXPECT_EQ(all.bytes(), 950U);
    all.holds(other, 350);
    EXPECT_TRUE(large.ended);
    EXPECT_FALSE(honest.ended || idle.ended);
    EXPECT_LE(all.bytes(), 750U);
    EXPECT_GT(all.shed(1), 0U) << "also when the process is short of memory";
    EXPECT_TRUE(other.ended);
    EXPECT_FALSE(honest.ended);
}

TEST_F(PendingConnections, WhoLeavesGivesBackPlaceAndBytes) {
    one& a = come("203.0.113.1");
    all.holds(a, 100);
    a.leave();
    a.leave();
    EXPECT_EQ(all.count(), 0U);
    EXPECT_EQ(all.bytes(), 0U);
    all.holds(a, 100);
    EXPECT_EQ(all.bytes(), 0U);
}

}  // namespace
}  // namespace wsidecar::net
