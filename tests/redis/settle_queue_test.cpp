#include "sidecar/redis/settle_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// The answer of lua/settle.lua: receipts that failed, numbers of the refused, what has moved.
constexpr const char* said = "*3\r\n:0\r\n*0\r\n*0\r\n";

class SettleQueue : public testing::Test {
protected:
    SettleQueue() {
        commands.is_up = true;
        queue.start({[this] { return registered; }, [this] { return many; }});
        queue.begin_history({100, 0});
        queue.attend("pod-1");
    }

    /// An entry of this stream was read and is settled.
    void settle(std::uint64_t ms, std::string same = {}, stream_kind stream = stream_kind::inbox) {
        received_push p;
        p.id = {ms, 0};
        p.source = stream == stream_kind::broadcast ? push_source::broadcast : push_source::inbox;
        (void)queue.begin(stream, p.id);
        auto s = settlement_of(p, push_end::delivered);
        s.same = std::move(same);
        queue.settle(p, std::move(s));
    }
    /// Of the last script: cursor, trim_below, and what follows the number of plain entries and the two limits.
    std::vector<std::string> last() const {
        const auto all = commands.last_arguments();
        std::vector<std::string> out{all[3], all[5], all[6]};
        out.insert(out.end(), all.begin() + 9, all.end());
        return out;
    }

    scripted_port commands;
    config::config settings;
    core::metrics metrics;
    core::manual_time time;
    bool registered = true;
    bool many = false;
    settle_queue queue{commands, settings, keys{"w:", "outbox"}, metrics, time};
};

TEST_F(SettleQueue, WhatEndsInOneTurnGoesInOneScript) {
    settle(1);
    settle(2);
    (void)queue.begin(stream_kind::inbox, {3, 0});
    settle(4);
    EXPECT_TRUE(commands.sent.empty());
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 1U);
    EXPECT_THAT(last(), ElementsAre("", "2-1", "1", "4-0")) << "all below an id, and one above it";
    commands.answer(said);
    EXPECT_EQ(commands.sent.size(), 1U);
}

TEST_F(SettleQueue, NothingIsTrimmedBeforeTheReportsBeforeItAreKnown) {
    settle(1, "ualice");
    time.pass(1ms);
    EXPECT_THAT(last(), ElementsAre("", "1-1", "0", "1-0", "", "ualice", "", "0", "0", "delivered", "", "", "", ""));
    settle(2);
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 1U) << "the answer is awaited";
    commands.answer(said);
    ASSERT_EQ(commands.sent.size(), 2U);
    EXPECT_THAT(last(), ElementsAre("", "2-1", "0"));
}

TEST_F(SettleQueue, WhatRedisRefusesIsSaidAgainAndTheRestIsNot) {
    settle(1, "ualice");
    settle(2, "ubob");
    time.pass(1ms);
    commands.answer("*3\r\n:0\r\n*1\r\n:2\r\n*0\r\n");
    EXPECT_EQ(commands.sent.size(), 1U);
    time.pass(100ms);
    ASSERT_EQ(commands.sent.size(), 2U);
    EXPECT_THAT(last(), ElementsAre("100-0", "2-1", "0", "2-0", "", "ubob", "", "0", "0", "delivered", "", "", "", ""));
}

TEST_F(SettleQueue, AnInstanceThatRedisDoesNotKnowSaysItAllAgainLater) {
    settle(1, "ualice");
    time.pass(1ms);
    commands.answer("*1\r\n:-1\r\n");
    time.pass(999ms);
    EXPECT_EQ(commands.sent.size(), 1U);
    time.pass(1ms);
    EXPECT_EQ(commands.sent.size(), 2U);
    EXPECT_EQ(last()[5], "ualice");
}

TEST_F(SettleQueue, ItWaitsUntilTheInstanceIsRegistered) {
    registered = false;
    settle(1);
    time.pass(10s);
    EXPECT_TRUE(commands.sent.empty());
    registered = true;
    time.pass(100ms);
    EXPECT_EQ(commands.sent.size(), 1U);
}

TEST_F(SettleQueue, AnswersOfAnotherHistoryAreVoid) {
    settle(1, "ualice");
    time.pass(1ms);
    queue.begin_history({0, 0});
    settle(2);
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 2U) << "what is awaited from the old history holds nothing up";
    commands.answer("-ERR no\r\n");
    time.pass(1s);
    EXPECT_EQ(commands.sent.size(), 2U) << "and is not said again";
}

TEST_F(SettleQueue, OfManyInstancesThePositionInTheBroadcastStreamWaits) {
    many = true;
    settle(101, "", stream_kind::broadcast);
    EXPECT_EQ(queue.unsaid_cursor(), "101-0") << "the heartbeat may say it";
    time.pass(349ms);
    EXPECT_TRUE(commands.sent.empty());
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 1U);
    EXPECT_THAT(last(), ElementsAre("101-0", "", "0"));
    settle(102, "", stream_kind::broadcast);
    queue.cursor_said("102-0");
    time.pass(10s);
    EXPECT_EQ(commands.sent.size(), 1U) << "the heartbeat has said it";
}

TEST_F(SettleQueue, AfterACanaryOnlyTheHeartbeatSaysIt) {
    many = true;
    received_push p;
    p.id = {101, 0};
    p.source = push_source::broadcast;
    (void)queue.begin(stream_kind::broadcast, p.id);
    queue.settle(p, settlement_of(p, push_end::delivered), settle_queue::kind::canary);
    time.pass(10s);
    EXPECT_TRUE(commands.sent.empty());
    EXPECT_EQ(queue.unsaid_cursor(), "101-0");
}

TEST_F(SettleQueue, WhoLeavesSaysEverythingAtOnce) {
    for (std::uint64_t ms = 1; ms <= 201; ++ms) {
        settle(ms, "ualice");
    }
    queue.wind_down();
    ASSERT_EQ(commands.sent.size(), 2U) << "200 reports in one script";
    EXPECT_EQ(last()[1], "201-1");
}

}  // namespace
}  // namespace wsidecar::redis
