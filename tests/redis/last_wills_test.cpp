#include "sidecar/redis/last_wills.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class LastWills : public testing::Test {
protected:
    LastWills() { link.is_up = true; }

    core::manual_time time;
    scripted_port link;
    config::config settings;
    std::optional<last_wills::standing> now = last_wills::standing{"pod-1", "e1", "g1"};
    last_wills wills{link, settings, keys{"w:", "outbox"}, time, [this] { return now; }};
};

TEST_F(LastWills, AnEventIsHandedOnUnderTheIdOfTheInstance) {
    wills.leave("c1", "{}");
    EXPECT_THAT(link.last_arguments(), ElementsAre("w:", "pod-1", "c1", std::to_string(settings.outbox.grace.count()), "{}"));
    link.answer(":1\r\n");
    EXPECT_TRUE(wills.all_said());
}

TEST_F(LastWills, WhatRedisHasNotAnsweredIsSaidLater) {
    wills.leave("c1", "{}");
    link.answer("-ERR no\r\n");
    EXPECT_FALSE(wills.all_said());
    now.reset();
    wills.say_unsaid();
    EXPECT_EQ(link.sent.size(), 1U) << "nothing can be said now";
    EXPECT_FALSE(wills.all_said());
    now = last_wills::standing{"pod-1", "e1", "g1"};
    wills.say_unsaid();
    EXPECT_EQ(link.sent.size(), 2U);
    EXPECT_TRUE(wills.all_said());
}

TEST_F(LastWills, DataThatHaveNotHadAnEventHearItAgain) {
    wills.leave("c1", "{}");
    link.answer(":1\r\n");
    wills.say_again();
    EXPECT_EQ(link.sent.size(), 1U) << "these have had it";
    now->generation = "g2";
    wills.say_again();
    EXPECT_EQ(link.sent.size(), 2U) << "another history may have lost it";
    link.answer(":1\r\n");
    now->epoch = "e2";
    wills.say_again();
    EXPECT_EQ(link.sent.size(), 3U) << "other data know nothing of it";
}

TEST_F(LastWills, AHistoryThatComesTooLateHearsNothing) {
    wills.leave("c1", "{}");
    link.answer(":1\r\n");
    now->generation = "g2";
    time.pass(9min);
    wills.say_again();
    EXPECT_EQ(link.sent.size(), 1U) << "Redis would not know that it has had it";
}

TEST_F(LastWills, TheEventOfOneConnectionIsRepeated) {
    EXPECT_FALSE(wills.repeat("c1"));
    wills.leave("c1", "{}");
    EXPECT_TRUE(wills.repeat("c1"));
    EXPECT_EQ(link.sent.size(), 2U);
}

TEST_F(LastWills, OnlySoManyAreRemembered) {
    for (int i = 0; i < 4097; ++i) {
        wills.leave("c" + std::to_string(i), "{}");
    }
    EXPECT_FALSE(wills.repeat("c0")) << "the oldest goes";
    EXPECT_TRUE(wills.repeat("c1"));
}

}  // namespace
}  // namespace wsidecar::redis
