#include "sidecar/redis/histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sidecar/redis/batch.hpp"

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

}  // namespace
}  // namespace wsidecar::redis
