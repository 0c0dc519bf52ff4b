#include "sidecar/app/story.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace wsidecar::app {
namespace {
namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

json::object entry(const char* time, const char* door, const char* outcome, const char* reason = "") {
    return {{"time", std::string("2026-11-18T11:06:40.") + time + "Z"},
            {"door", door},
            {"to", json::array{json::object{{"kind", "user"}, {"name", "alice"}}}},
            {"outcome", outcome},
            {"reason", reason},
            {"connection", "c1"},
            {"connections", 1},
            {"seconds", 0.012}};
}

json::object account(const char* instance, const std::vector<json::object>& entries) {
    json::array all;
    for (const auto& e : entries) {
        all.push_back(e);
    }
    return {{"instance", instance}, {"entries", std::move(all)}};
}

message_findings findings(std::vector<json::object> pods) {
    message_findings f;
    f.id = "o-17";
    f.instance = "a";
    f.redis = true;
    f.asked = {true, {"a", "b"}};
    f.pods = std::move(pods);
    return f;
}

looked_into in_list(core::list_kind kind, std::string name = {}) {
    looked_into l{kind, std::move(name), {}};
    l.what.answered = true;
    l.what.length = 3;
    l.what.looked = 3;
    core::sighting s;
    s.place = 1;
    s.what = "bad_ttl: is no number";
    l.what.found.push_back(s);
    return l;
}

std::string conclusion(const message_findings& f) {
    return std::string(message_view(f).at("conclusion").as_string());
}

std::vector<std::string> story(const message_findings& f) {
    std::vector<std::string> out;
    const auto view = message_view(f);
    for (const auto& line : view.at("story").as_array()) {
        out.push_back(std::string(line.at("instance").as_string()) + ": " + std::string(line.at("text").as_string()));
    }
    return out;
}

TEST(Story, IsInTheOrderOfThingsAlthoughARouterHearsOfItsCommitLate) {
    const auto f =
        findings({account("a", {entry("130", "router", "routed")}), account("b", {entry("100", "list", "delivered")})});
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("a: took it from the outbox"),
                                      HasSubstr("b: for user alice: delivered to connection c1, confirmed after 12 ms")));
    EXPECT_EQ(conclusion(f), "delivered");
}

TEST(Story, SaysWhoDidNotAnswerAndDoesNotGuessForThem) {
    auto f = findings({account("a", {})});
    EXPECT_THAT(conclusion(f), HasSubstr("unknown (no answer from 1 pod)"));
    const auto v = message_view(f);
    EXPECT_FALSE(v.at("complete").as_bool());
    EXPECT_EQ(v.at("silent").at(0), "b");
    f.redis = false;
    EXPECT_THAT(conclusion(f), HasSubstr("Redis does not answer"));
    f.redis = true;
    f.pods.push_back(account("b", {}));
    EXPECT_THAT(conclusion(f), HasSubstr("no pod has seen it"));
    EXPECT_TRUE(message_view(f).at("complete").as_bool());
}

TEST(Story, WhatWaitsGoesBeforeWhatHappened) {
    auto f = findings({account("a", {entry("100", "router", "stored", "grace")}), account("b", {})});
    EXPECT_THAT(conclusion(f), HasSubstr("has left the mailbox"));
    f.lists.push_back(in_list(core::list_kind::mailbox, "ualice"));
    EXPECT_EQ(conclusion(f), "waits in the mailbox of user alice");
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("the last connection had just ended"), HasSubstr("waits there, entry 2 of 3")));
    f = findings({account("a", {}), account("b", {})});
    f.lists.push_back(in_list(core::list_kind::outbox));
    EXPECT_EQ(conclusion(f), "waits in the outbox");
    f.lists = {in_list(core::list_kind::rejected)};
    EXPECT_EQ(conclusion(f), "rejected");
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("rejected: bad_ttl")));
}

TEST(Story, ARoutedOneThatNoPodKnowsIsNotCalledLost) {
    const auto f = findings({account("a", {entry("100", "router", "routed")}), account("b", {})});
    EXPECT_THAT(conclusion(f), HasSubstr("does not know of it any more"));
}

TEST(Story, PodsWithoutARecipientAreLeftOutWhereSomebodyHasOne) {
    auto f = findings({account("a", {entry("100", "channel", "not_here")}), account("b", {entry("100", "channel", "sent")})});
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("b: for user alice: sent to 1 connection")));
    f = findings({account("a", {entry("100", "channel", "not_here")}), account("b", {})});
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("no recipient on this pod")));
    EXPECT_THAT(conclusion(f), HasSubstr("no pod has a recipient"));
}

TEST(Story, WhatRedisDidNotSayIsNull) {
    auto f = findings({account("a", {})});
    f.lists.push_back({core::list_kind::outbox, "", {}});
    EXPECT_TRUE(message_view(f).at("lists").at(0).at("length").is_null());
    const auto u = user_view({"alice", "a", {}, {}, {account("a", {})}});
    EXPECT_TRUE(u.at("mailbox").is_null());
    EXPECT_FALSE(u.at("complete").as_bool());
}

TEST(Story, AnswersThatAreNoneAreLeftOut) {
    core::answers a;
    a.texts = {"",
               "no json",
               "[]",
               R"({"entries":[]})",
               R"({"instance":"b","entries":"x"})",
               R"({"instance":"c","entries":[1,{"time":7}]})"};
    const auto accounts = accounts_of(a);
    ASSERT_EQ(accounts.size(), 2U);
    auto f = findings(accounts);
    f.asked.instances = {"b", "c"};
    EXPECT_TRUE(message_view(f).at("complete").as_bool());
}

TEST(Story, LooksIntoTheMailboxesAndReceiptsThatPodsName) {
    auto e = entry("100", "list", "delivered");
    e["receipt"] = "w:receipts";
    const auto lists = lists_to_look_into(findings({account("a", {e, e})}));
    ASSERT_EQ(lists.size(), 2U);
    EXPECT_EQ(lists[0].name, "ualice");
    EXPECT_EQ(lists[1].name, "w:receipts");
}

}  // namespace
}  // namespace wsidecar::app
