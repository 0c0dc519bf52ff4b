#include "sidecar/redis/in_flight.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class InFlight : public testing::Test {
protected:
    static received_push push(std::uint64_t ms, std::string name, push_source source = push_source::inbox) {
        received_push p;
        p.id = {ms, 0};
        p.name = std::move(name);
        p.content = ms;
        p.source = source;
        return p;
    }
    static inbox_entry entry(std::uint64_t ms, stream_kind stream = stream_kind::inbox, std::string_view moved_from = {}) {
        inbox_entry e;
        e.id = {ms, 0};
        e.stream = stream;
        e.fields[field::moved_from] = moved_from;
        return e;
    }
    static core::delivery_outcome reached() {
        core::delivery_outcome o;
        o.reached = 1;
        return o;
    }
    static core::delivery_outcome lost(std::string name) {
        core::delivery_outcome o;
        o.lost.push_back(std::move(name));
        return o;
    }
    void begin_history() {
        all.begin_history([this] { return next++; });
    }

    core::manual_time time;
    double unconfirmed = 0;
    in_flight all{time, unconfirmed};
    core::delivery_id next = 100;
};

TEST_F(InFlight, WhatIsSettledGoesToRedisOnce) {
    all.add(1, push(5, "ualice"));
    EXPECT_EQ(unconfirmed, 1);
    const auto ended = all.settle(1, reached());
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->push.id, (place{5, 0}));
    EXPECT_EQ(ended->outcome.reached, 1U);
    EXPECT_FALSE(all.settle(1, reached()));
    EXPECT_EQ(unconfirmed, 0);
}

TEST_F(InFlight, ASlowPushOfTheBroadcastStreamMovesIntoTheInbox) {
    all.add(1, push(5, "", push_source::broadcast));
    all.add(2, push(6, "ualice"));
    EXPECT_THAT(all.move_slow(time.now() - 1ms), IsEmpty());
    EXPECT_THAT(all.move_slow(time.now()), ElementsAre(place{5, 0}));
    EXPECT_THAT(all.move_slow(time.now()), IsEmpty()) << "once";
    EXPECT_FALSE(all.settle(1, reached())) << "its new entry ends it";
    const auto adopted = all.adopt(entry(9, stream_kind::inbox, "5-0"), 77);
    ASSERT_TRUE(adopted);
    EXPECT_EQ(adopted->left_entry, (place{5, 0}));
    ASSERT_TRUE(adopted->ended);
    EXPECT_EQ(adopted->ended->push.id, (place{9, 0}));
    EXPECT_EQ(adopted->ended->push.source, push_source::inbox);
    EXPECT_EQ(all.size(), 1U) << "the other one";
}

TEST_F(InFlight, InAnotherHistoryAnEntryWithTheSameContentAdoptsThePush) {
    all.add(1, push(5, "ualice"));
    all.add(2, push(6, "ubob"));
    begin_history();
    EXPECT_TRUE(all.has_orphans());
    EXPECT_FALSE(all.settle(2, reached())) << "if this history has it, it is read again";
    const auto adopted = all.adopt(entry(8), 5);
    ASSERT_TRUE(adopted);
    EXPECT_FALSE(adopted->ended);
    EXPECT_FALSE(adopted->left_entry);
    EXPECT_FALSE(all.adopt(entry(9), 5)) << "there is one only";
    EXPECT_FALSE(all.adopt(entry(9), 6));
    all.end_replay();
    const auto ended = all.settle(1, reached());
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->push.id, (place{8, 0})) << "where it is now";
}

TEST_F(InFlight, WhatNoEntryAdoptsIsForgotten) {
    all.add(1, push(5, "ualice"));
    begin_history();
    all.end_replay();
    EXPECT_EQ(all.size(), 0U);
    EXPECT_FALSE(all.settle(1, reached()));
    EXPECT_EQ(unconfirmed, 0);
}

TEST_F(InFlight, APushThatNotAllHadEndsInTheSameWayWhenAnotherHistoryHasItAgain) {
    EXPECT_FALSE(all.remember_unreached(push(5, "ualice"), lost("ualice"))) << "it is for one name";
    EXPECT_FALSE(all.remember_unreached(push(5, ""), reached()));
    EXPECT_TRUE(all.remember_unreached(push(5, ""), lost("ualice")));
    begin_history();
    const auto adopted = all.adopt(entry(7), 5);
    ASSERT_TRUE(adopted && adopted->ended);
    EXPECT_THAT(adopted->ended->outcome.lost, ElementsAre("ualice"));
    EXPECT_EQ(adopted->ended->push.id, (place{7, 0}));
    time.pass(in_flight::replay_window + 1ms);
    begin_history();
    EXPECT_FALSE(all.adopt(entry(8), 5)) << "it is too long ago";
}

TEST_F(InFlight, AnOrphanOfTheBroadcastStreamIsSlowFromWhenItWasAdopted) {
    all.add(1, push(5, "", push_source::broadcast));
    begin_history();
    EXPECT_THAT(all.move_slow(time.now()), IsEmpty());
    time.pass(1s);
    ASSERT_TRUE(all.adopt(entry(8, stream_kind::broadcast), 5));
    EXPECT_THAT(all.move_slow(time.now() - 1ms), IsEmpty());
    EXPECT_THAT(all.move_slow(time.now()), ElementsAre(place{8, 0}));
}

TEST_F(InFlight, MembersThatAreGoneDoNotWaitForTheOthers) {
    all.add(1, push(5, ""));
    all.add(2, push(6, "", push_source::broadcast));
    EXPECT_TRUE(all.lose(1, "ualice"));
    EXPECT_TRUE(all.lose(1, "ucarol"));
    EXPECT_TRUE(all.lose(2, "ualice"));
    const auto moves = all.move_lost();
    ASSERT_EQ(moves.size(), 2U);
    EXPECT_EQ(moves[0].source, push_source::inbox);
    EXPECT_EQ(moves[0].id, (place{5, 0}));
    EXPECT_THAT(moves[0].names, ElementsAre("ualice", "ucarol"));
    EXPECT_EQ(moves[1].source, push_source::broadcast);
    EXPECT_FALSE(all.has_lost());
    EXPECT_TRUE(all.is_moving());
    const auto adopted = all.adopt(entry(9, stream_kind::inbox, "5-0"), 77);
    ASSERT_TRUE(adopted);
    EXPECT_EQ(adopted->left_entry, (place{5, 0}));
    EXPECT_EQ(adopted->left, push_source::inbox);
    core::delivery_outcome o = lost("ualice");
    o.lost.emplace_back("ubob");
    const auto ended = all.settle(1, o);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->push.id, (place{9, 0}));
    EXPECT_THAT(ended->outcome.lost, ElementsAre("ubob")) << "alice's part is told already";
}

TEST_F(InFlight, APushWhoseLostPartsAreAllToldHasNothingLeftToTell) {
    all.add(1, push(5, ""));
    EXPECT_TRUE(all.lose(1, "ualice"));
    EXPECT_EQ(all.move_lost().size(), 1U);
    EXPECT_FALSE(all.settle(1, lost("ualice"))) << "it is moving";
    const auto adopted = all.adopt(entry(9, stream_kind::inbox, "5-0"), 77);
    ASSERT_TRUE(adopted && adopted->ended);
    EXPECT_THAT(adopted->ended->outcome.lost, IsEmpty());
    EXPECT_TRUE(adopted->ended->outcome.not_for_it);
    EXPECT_FALSE(all.is_moving());
}

TEST_F(InFlight, WhoIsLostWhileAPushMovesHasItsTurnAtTheNextMove) {
    all.add(1, push(5, ""));
    EXPECT_TRUE(all.lose(1, "ualice"));
    EXPECT_EQ(all.move_lost().size(), 1U);
    EXPECT_TRUE(all.lose(1, "ubob"));
    EXPECT_THAT(all.move_lost(), IsEmpty());
    EXPECT_TRUE(all.has_lost());
    EXPECT_TRUE(all.adopt(entry(9, stream_kind::inbox, "5-0"), 77));
    const auto moves = all.move_lost();
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(moves[0].id, (place{9, 0}));
    EXPECT_THAT(moves[0].names, ElementsAre("ubob"));
}

TEST_F(InFlight, APushForOneNameAndOneThatHasEndedAreNotMoved) {
    all.add(1, push(5, "ualice"));
    EXPECT_FALSE(all.lose(1, "ualice"));
    all.add(2, push(6, ""));
    EXPECT_TRUE(all.lose(2, "ualice"));
    ASSERT_TRUE(all.settle(2, lost("ualice")));
    EXPECT_THAT(all.move_lost(), IsEmpty());
    EXPECT_FALSE(all.has_lost());
    EXPECT_FALSE(all.lose(3, "ualice"));
}

TEST_F(InFlight, AnotherHistoryKnowsOfNothingThatWasRoutedAgain) {
    all.add(1, push(5, ""));
    EXPECT_TRUE(all.lose(1, "ualice"));
    EXPECT_EQ(all.move_lost().size(), 1U);
    begin_history();
    EXPECT_FALSE(all.lose(1, "ubob")) << "its end tells";
    ASSERT_TRUE(all.adopt(entry(8), 5));
    core::delivery_outcome o = lost("ualice");
    o.lost.emplace_back("ubob");
    const auto ended = all.settle(1, o);
    ASSERT_TRUE(ended);
    EXPECT_THAT(ended->outcome.lost, ElementsAre("ualice", "ubob"));
}

}  // namespace
}  // namespace wsidecar::redis
