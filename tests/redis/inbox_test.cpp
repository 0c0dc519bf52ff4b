#include "sidecar/redis/inbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* own = "w:inbox:pod-1";
constexpr const char* broadcast = "w:wide";
constexpr const char* nothing = "*-1\r\n";

class Inbox : public testing::Test {
protected:
    Inbox() {
        auto l = std::make_unique<scripted_port>();
        link = l.get();
        commands.is_up = true;
        all = std::make_unique<inbox>(std::move(l), commands, settings, keys{"w:", "outbox"}, metrics, time, numbers);
        all->start({[this](const proto::envelope& e, const core::push_origin& from) {
                        texts.push_back(e.payload);
                        origins.push_back(from);
                    },
                    [](const proto::envelope& e) { return e.payload == "canary"; }, [this] { return leased; },
                    [] { return true; }, [this](const std::string& c) { claimed.push_back(c); }, [this] { ++proofs; },
                    [] { return false; }});
        link->come_up();
    }

    static std::string entry(const std::string& id, const std::string& text, std::vector<std::string> more = {}) {
        std::vector<std::string> fields{"e", R"({"to":{"user":"alice"},"text":")" + text + "\"}", "s", "ualice"};
        fields.insert(fields.end(), more.begin(), more.end());
        return resp_entry(id, fields);
    }
    void attend(bool new_history = true) { all->attend("pod-1", new_history, "0-0"); }

    scripted_port commands;
    scripted_port* link = nullptr;
    config::config settings;
    core::metrics metrics;
    core::manual_time time;
    delivery_numbers numbers;
    bool leased = true;
    int proofs = 0;
    std::vector<std::string> texts;
    std::vector<core::push_origin> origins;
    std::vector<std::string> claimed;
    std::unique_ptr<inbox> all;
};

TEST_F(Inbox, ItReadsOnceItIsRegisteredAndWhileItHoldsItsLease) {
    EXPECT_THAT(link->sent, IsEmpty());
    leased = false;
    attend();
    EXPECT_THAT(link->sent, IsEmpty());
    leased = true;
    time.pass(100ms);
    EXPECT_THAT(link->sent,
                ElementsAre(ElementsAre("XREAD", "COUNT", "256", "BLOCK", "1000", "STREAMS", own, broadcast, "0-0", "0-0")));
    leased = false;
    link->answer(resp_streams({{own, {entry("5-1", "a")}}}));
    EXPECT_THAT(texts, IsEmpty()) << "a survivor may have it";
}

TEST_F(Inbox, EntriesOfBothStreamsComeInTheOrderInWhichTheyWereRouted) {
    attend();
    link->answer(resp_streams({{own, {entry("5-1", "a"), entry("7-1", "c", {"w", "6-1"})}}, {broadcast, {entry("6-1", "b")}}}));
    EXPECT_THAT(texts, ElementsAre("a", "b", "c"));
    EXPECT_TRUE(origins[1].everywhere);
    EXPECT_FALSE(origins[2].everywhere);
    EXPECT_EQ(all->reached(), (place{7, 1}));
    EXPECT_EQ(all->in_flight(), 3U);
    EXPECT_EQ(proofs, 1);
    EXPECT_THAT(link->sent.back(), testing::Contains("7-1"));
}

TEST_F(Inbox, AReadThatWaitedIsMadeAgainWhereTheOtherStreamMayHaveOlderEntries) {
    attend();
    link->answer(resp_streams({{own, {entry("7-1", "c", {"w", "6-1"})}}}));
    EXPECT_THAT(texts, IsEmpty());
    EXPECT_THAT(link->sent.back(), testing::Not(testing::Contains("BLOCK")));
    link->answer(resp_streams({{own, {entry("7-1", "c", {"w", "6-1"})}}, {broadcast, {entry("6-1", "b")}}}));
    EXPECT_THAT(texts, ElementsAre("b", "c"));
}

TEST_F(Inbox, WhatIsSettledIsTakenOutOfRedis) {
    attend();
    link->answer(resp_streams({{own, {entry("5-1", "a")}}}));
    core::delivery_outcome o;
    o.reached = 1;
    all->settled(origins[0].id, o);
    EXPECT_EQ(all->in_flight(), 0U);
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 1U);
    EXPECT_EQ(commands.last_arguments()[5], "5-2") << "all below this id";
}

TEST_F(Inbox, ACanaryIsForNoClient) {
    attend();
    link->answer(resp_streams({{own, {entry("5-1", "canary")}}}));
    EXPECT_THAT(texts, IsEmpty());
    EXPECT_EQ(all->in_flight(), 0U);
}

TEST_F(Inbox, AnEntryThatNoRouterHasWrittenEnds) {
    attend();
    link->answer(resp_streams({{own, {resp_entry("5-1", {"e", "nonsense", "s", "ualice"})}}}));
    EXPECT_EQ(metrics.rejected.at({"bad_inbox_entry"}), 1);
    time.pass(1ms);
    EXPECT_EQ(commands.last_arguments()[5], "5-2");
}

TEST_F(Inbox, InAnotherHistoryAPushOnItsWayGoesOn) {
    attend();
    link->answer(resp_streams({{own, {entry("5-1", "a"), entry("5-2", "b")}}}));
    link->answer(nothing);
    attend();
    ASSERT_EQ(link->resets.size(), 0U) << "it is the same master as that of the commands";
    link->answer(nothing);
    EXPECT_THAT(link->sent.back(), testing::Contains("0-0")) << "from the start";
    link->answer(resp_streams({{own, {entry("4-9", "a"), entry("6-1", "c")}}}));
    EXPECT_THAT(texts, ElementsAre("a", "b", "c"));
    EXPECT_TRUE(origins[2].again) << "somebody may have had it";
    EXPECT_EQ(all->in_flight(), 2U) << "this history does not have b";
}

TEST_F(Inbox, APushFromAMailboxIsForTheConnectionThatClaimsIt) {
    attend();
    link->answer(resp_streams({{own, {entry("5-1", "a", {"c", "c1"})}}}));
    ASSERT_EQ(origins.size(), 1U);
    EXPECT_TRUE(origins[0].mailbox);
    all->settled(origins[0].id, {});
    time.pass(1ms);
    EXPECT_EQ(commands.last_arguments()[11], "ualice") << "it has gone: the push is routed again";
}

TEST_F(Inbox, AnEntryOfAnEstateEndsWithTheLastOfItsPushes) {
    attend();
    link->answer(resp_streams({{own, {resp_entry("9-1", {"h", "pod-0:gtable", "s", "ualice"})}}}));
    link->answer(resp_entries({resp_entry("5-1", {"b", "b1"}), resp_entry("5-2", {"b", "b2"})}));
    link->answer(resp_text(R"({"to":{"group":"table"},"text":"one"})"));
    link->answer(resp_text(R"({"to":{"group":"table"},"text":"two"})"));
    ASSERT_EQ(texts.size(), 2U);
    core::delivery_outcome o;
    o.reached = 1;
    all->settled(origins[0].id, o);
    time.pass(10ms);
    EXPECT_THAT(commands.sent, IsEmpty());
    all->settled(origins[1].id, o);
    time.pass(1ms);
    ASSERT_EQ(commands.sent.size(), 1U);
    EXPECT_EQ(commands.last_arguments()[5], "9-2");
}

TEST_F(Inbox, WhoComesBackGetsWhatWasKeptInOrder) {
    attend();
    link->answer(resp_streams({{own, {resp_entry("9-1", {"k", "gtable\rualice\r1-0\r8-0", "c", "c7"})}}}));
    const std::string envelope = R"({"to":{"group":"table"},"text":")";
    link->answer(resp_entries({resp_entry("5-1", {"e", envelope + "one\"}", "o", "5-1", "i", "n1"}),
                               resp_entry("6-1", {"e", envelope + "two\"}", "o", "6-1", "i", "n2"})}));
    EXPECT_THAT(texts, ElementsAre("one", "two"));
    EXPECT_TRUE(origins[0].kept);
    EXPECT_EQ(origins[1].at, (place{6, 1}));
    EXPECT_THAT(claimed, ElementsAre("c7")) << "once all of it has been delivered";
}

}  // namespace
}  // namespace wsidecar::redis
