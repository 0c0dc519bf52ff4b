#include "sidecar/redis/histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sidecar/redis/batch.hpp"
#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

config::config with(std::vector<std::string> names) {
    config::config c;
    for (auto& name : names) {
        c.history.push_back({std::move(name), 50, 1024, std::chrono::minutes(1)});
    }
    return c;
}

std::string rule_of(const config::config& c, std::string_view target) {
    const auto* rule = rule_for(c.history, target);
    return rule == nullptr ? "" : rule->name;
}

TEST(Histories, TheFirstRuleThatFitsIsANames) {
    const auto c = with({"group:table-7", "group:table-*", "destination:/topic/*/x", "all"});
    EXPECT_EQ(rule_of(c, "gtable-7"), "group:table-7");
    EXPECT_EQ(rule_of(c, "gtable-77"), "group:table-*");
    EXPECT_EQ(rule_of(c, "gtable-"), "group:table-*");
    EXPECT_EQ(rule_of(c, "gstable-7"), "");
    EXPECT_EQ(rule_of(c, "d/topic/a/b/x"), "destination:/topic/*/x");
    EXPECT_EQ(rule_of(c, "d/topic/a"), "");
    EXPECT_EQ(rule_of(c, "*"), "all");
    EXPECT_EQ(rule_of(c, "utable-7"), "");
    EXPECT_EQ(rule_of(c, "gall"), "");
    EXPECT_EQ(rule_of(c, ""), "");
    EXPECT_EQ(rule_of(with({"group:*a*b*"}), "gxaxxbx"), "group:*a*b*");
    EXPECT_EQ(rule_of(with({"group:*a*b"}), "gaab b"), "group:*a*b");
    EXPECT_EQ(rule_of(with({"group:*a*b"}), "gba"), "");
}

TEST(Histories, StarsDoNotMakeItSlow) {
    const std::string stars = "group:" + std::string(60, '*') + "a*a*a*a*a*a*a*a*a*b";
    EXPECT_EQ(rule_of(with({stars}), "g" + std::string(250, 'a')), "");
}

std::vector<std::string> actions_of(const config::config& c, std::string_view entry, bool returned = false) {
    return build_batch({entry}, returned, {}, c, std::chrono::system_clock::time_point{}).actions;
}

TEST(Histories, APushSaysInFrontOfItselfWhatItIsKeptFor) {
    const auto c = with({"group:table-*"});
    const auto actions = actions_of(c, R"({"to":{"group":["table-7","kitchen","table-8"],"user":"alice"},"text":"x"})");
    ASSERT_GE(actions.size(), 11U);
    EXPECT_THAT(
        std::vector<std::string>(actions.begin(), actions.begin() + 11),
        testing::ElementsAre("history", "8", "gtable-7", "50", "1024", "60000", "gtable-8", "50", "1024", "60000", "push"));
}

TEST(Histories, OnlyOnceAndOnlyMessages) {
    const auto c = with({"group:*", "destination:*", "all"});
    const auto first = [&](std::string_view entry, bool returned = false) { return actions_of(c, entry, returned).at(0); };
    EXPECT_EQ(first(R"({"to":{"all":true},"text":"x"})"), "history");
    EXPECT_EQ(first(R"({"to":{"destination":"/topic/x"},"text":"x"})"), "history");
    EXPECT_EQ(first("0\r17-1\r\r\r"
                    R"({"to":{"group":"a"},"text":"x"})",
                    true),
              "history");  // waited, or was divided
    EXPECT_EQ(first("1\r17-1\r\r\r"
                    R"({"to":{"group":"a"},"text":"x"})",
                    true),
              "push");  // comes again
    EXPECT_EQ(first(R"({"to":{"group":"a"},"join":["b"]})"), "push");
    EXPECT_EQ(first(R"({"to":{"user":"alice"},"text":"x","ttl":5})"), "push");
    EXPECT_EQ(first(R"({"to":{"group":"a","destination":"/queue/x"},"text":"x"})"), "push");  // each one's own
}

TEST(Histories, ACommitTakesFewerNamesThatAreKept) {
    std::string groups;
    for (int i = 0; i < 150; ++i) {
        groups += (i == 0 ? "\"g" : ",\"g") + std::to_string(i) + '"';
    }
    const std::string entry = R"({"to":{"group":[)" + groups + R"(]},"text":"x"})";
    const auto now = std::chrono::system_clock::time_point{};
    EXPECT_TRUE(build_batch({entry}, false, {}, config::config{}, now).division.empty());
    const auto divided = build_batch({entry}, false, {}, with({"group:*"}), now);
    EXPECT_EQ(divided.division.size(), 5U + 2 * 3);  // three parts of fifty names
    const auto four = build_batch({entry, entry}, false, {}, with({"destination:*"}), now);
    EXPECT_EQ(four.entries, 2U);
}

TEST(Histories, ItsNumbersOfActionsAgree) {
    const auto c = with({"group:*"});
    const auto b =
        build_batch({R"({"to":{"group":"a"},"text":"x","id":"one"})", R"({"to":{"user":"u"},"text":"y","id":"two"})"}, false,
                    {}, c, std::chrono::system_clock::time_point{});
    EXPECT_THAT(b.ids, testing::ElementsAre("", "one", "two"));
}

// ------------------------------------------------------------------------------------------------- several shards

/// Two shards, with a group in each.
struct HistoriesOfShards : testing::Test {
    HistoriesOfShards() {
        first.is_up = second.is_up = true;
        settings.shards = 2;
        for (int i = 0; in_first.empty() || in_second.empty(); ++i) {
            const std::string group = 'g' + std::to_string(i);
            (shard_of(group, {0, 2}) == 0 ? in_first : in_second) = group;
        }
    }

    void ask(core::history_question q) {
        q.bytes = 10'000;
        all.recall(std::move(q), [this](core::history_answer a) { answers.push_back(std::move(a)); });
    }
    void ask_for_two_of_both() {
        core::history_question q;
        q.names = {{in_first, 2}, {in_second, 2}};
        ask(std::move(q));
    }
    /// What recall.lua answers: where the order stands, and pushes by their places.
    static std::string recalled(const std::string& stands, const std::vector<std::string>& places,
                                const std::string& since = "1-0") {
        std::string out = "*" + std::to_string(7 + 2 * places.size()) + "\r\n" + resp_text("ok") + resp_text(stands) +
                          resp_text("") + resp_text(since) + resp_text("") + resp_text("") + ":0\r\n";
        for (const auto& at : places) {
            out += resp_text(at) + resp_text(R"({"to":{"group":"x"},"text":")" + at + R"(","id":"x"})");
        }
        return out;
    }
    std::vector<std::string> texts() const {
        std::vector<std::string> out;
        for (const auto& k : answers.at(0).pushes) {
            out.push_back(k.push.payload);
        }
        return out;
    }

    config::config settings = with({"group:*"});
    core::metrics metrics;
    core::manual_time time;
    scripted_port first, second;
    histories all{{{first, keys{"{w}:", "outbox"}}, {second, keys{"{w:01}:", "outbox"}}}, settings, metrics, time};
    std::string in_first, in_second;
    std::vector<core::history_answer> answers;
};

TEST_F(HistoriesOfShards, EachNameIsReadInItsShard) {
    ask_for_two_of_both();
    EXPECT_EQ(first.last_arguments().at(0), "{w}:");
    first.answer(recalled("70-0", {"60-1", "50-1"}));
    EXPECT_EQ(second.last_arguments().at(0), "{w:01}:");
    second.answer(recalled("40-0", {"60-1"}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_THAT(texts(), testing::ElementsAre("50-1", "60-1", "60-1")) << "equal places of two shards are two pushes";
    EXPECT_EQ(core::text_of(answers[0].now), "0:70-0,1:40-0");
}

TEST_F(HistoriesOfShards, EachShardIsAskedForWhatIsBehindItsOwnPlace) {
    core::history_question q;
    q.names = {{in_first, 0}, {in_second, 0}};
    q.after = *core::read_position("0:60-0,1:20-3", true);
    ask(std::move(q));
    EXPECT_EQ(first.last_arguments().at(5), "60-0");
    first.answer(recalled("70-0", {}));
    EXPECT_EQ(second.last_arguments().at(5), "20-3");
    second.answer(recalled("40-0", {"30-0"}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_TRUE(answers[0].missing.empty());
}

TEST_F(HistoriesOfShards, OnlyPlacesAreAskedForOncePerShard) {
    core::history_question q;
    q.names = {{in_first, 0}, {in_first, 0}, {"*", 0}, {in_second, 0}};
    ask(std::move(q));
    first.answer(recalled("70-0", {}));
    second.answer(recalled("40-0", {}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_EQ(first.sent.size() + second.sent.size(), 2U);
}

TEST_F(HistoriesOfShards, AShardThatIsDownCostsItsNamesOnly) {
    second.is_up = false;
    core::history_question q;
    q.names = {{in_first, 0}, {in_second, 0}};
    q.after = *core::read_position("0:60-0,1:20-3", true);
    ask(std::move(q));
    first.answer(recalled("70-0", {"61-0"}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_TRUE(answers[0].answered);
    EXPECT_THAT(texts(), testing::ElementsAre("61-0"));
    EXPECT_THAT(answers[0].unread, testing::ElementsAre(in_second));
    EXPECT_THAT(answers[0].missing, testing::ElementsAre("group:" + in_second.substr(1)));
}

TEST_F(HistoriesOfShards, AShardThatDoesNotAnswerIsNotWaitedForLongerThanASecond) {
    ask_for_two_of_both();
    first.answer(recalled("70-0", {"60-1"}));
    time.pass(std::chrono::milliseconds(1100));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_THAT(texts(), testing::ElementsAre("60-1"));
    EXPECT_THAT(answers[0].unread, testing::ElementsAre(in_second));
    second.answer(recalled("40-0", {"30-0"}));
    EXPECT_EQ(answers.size(), 1U) << "it came too late";
}

TEST_F(HistoriesOfShards, NoShardAnswers) {
    first.is_up = second.is_up = false;
    ask_for_two_of_both();
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_FALSE(answers[0].answered);
}

TEST_F(HistoriesOfShards, WhatTheIdSaysNothingAboutMayBeMissing) {
    core::history_question q;
    q.names = {{in_first, 0}, {in_second, 0}};
    q.after = *core::read_position("0:60-0", true);
    ask(std::move(q));
    first.answer(recalled("70-0", {}));
    EXPECT_EQ(second.last_arguments().at(2), "0") << "nothing is read from its history";
    second.answer(recalled("40-0", {}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_THAT(answers[0].missing, testing::ElementsAre("group:" + in_second.substr(1)));
}

TEST_F(HistoriesOfShards, APlaceOfTheFutureSpoilsItsShardOnly) {
    core::history_question q;
    q.names = {{in_first, 0}, {in_second, 0}};
    q.after = *core::read_position("0:90-0,1:20-3", true);
    ask(std::move(q));
    first.answer(recalled("70-0", {}));
    second.answer(recalled("40-0", {"30-0"}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_THAT(texts(), testing::ElementsAre("30-0"));
    EXPECT_THAT(answers[0].missing, testing::ElementsAre("")) << "the client is told that any name's may be missing";
    EXPECT_EQ(metrics.history_problems.at({"future_id"}), 1);
}

}  // namespace
}  // namespace wsidecar::redis
