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
    EXPECT_THAT(conclusion(f), HasSubstr("has left the mailbox of user alice: nobody came back within outbox.grace, or a pod"));
    f.lists.push_back(in_list(core::list_kind::mailbox, "ualice"));
    EXPECT_EQ(conclusion(f), "waits in the mailbox of user alice");
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("the last connection had just ended"), HasSubstr("waits there, entry 2 of 3")));
    f = findings({account("a", {}), account("b", {})});
    f.lists.push_back(in_list(core::list_kind::outbox));
    EXPECT_EQ(conclusion(f), "waits in the outbox");
    f.lists = {in_list(core::list_kind::rejected)};
    EXPECT_EQ(conclusion(f), "rejected: bad_ttl");
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("rejected: bad_ttl")));
}

TEST(Story, ARoutedOneThatNoPodKnowsIsNotCalledLost) {
    auto f = findings({account("a", {entry("100", "router", "routed")}), account("b", {})});
    EXPECT_EQ(conclusion(f), "unknown: routed; the pod that was given it does not know of it any more");
    f.pods.pop_back();
    EXPECT_EQ(conclusion(f), "unknown: routed, perhaps to a pod that was not heard (no answer from 1 pod)");
}

json::object of(json::object e, std::initializer_list<const char*> users) {
    auto& to = e["to"].emplace_array();
    for (const auto* u : users) {
        to.push_back(json::object{{"kind", "user"}, {"name", u}});
    }
    return e;
}

TEST(Story, SaysWhomAPushWithSeveralRecipientsDidNotReach) {
    auto f = findings({account("a", {of(entry("100", "router", "no_connection"), {"dave"}), entry("101", "list", "delivered")}),
                       account("b", {of(entry("100", "list", "under_way"), {"bob"})})});
    EXPECT_EQ(conclusion(f), "delivered; not delivered (no_connection) to user dave; not confirmed yet by user bob");
    // Whoever has it on one connection has it, whatever became of it on another.
    f = findings(
        {account("a", {entry("100", "list", "dropped", "queue"), entry("101", "list", "delivered")}), account("b", {})});
    EXPECT_EQ(conclusion(f), "delivered");
    f = findings({account("a", {of(entry("100", "router", "no_connection"), {"1", "2", "3", "4", "5"}),
                                entry("101", "list", "delivered")}),
                  account("b", {})});
    EXPECT_THAT(conclusion(f), HasSubstr("to user 3; and 2 more"));
}

TEST(Story, APushThatLeftItsMailboxIsToldByWhatBoundsItsStay) {
    const auto left = [](const char* why) {
        return conclusion(findings({account("a", {entry("100", "router", "stored", why)}), account("b", {})}));
    };
    EXPECT_THAT(left("ttl"), HasSubstr("its ttl was over, or"));
    EXPECT_THAT(left("age"), HasSubstr("it was too old (mailbox.age), or"));
}

TEST(Story, AUsersPushesAreInWordsWithoutThePodsThatHadNothingToDoWithThem) {
    user_findings f;
    f.user = "alice";
    f.instance = "a";
    f.redis.answered = true;
    f.asked = {true, {"a", "b"}};
    auto not_here = entry("100", "channel", "not_here");
    auto sent = entry("100", "channel", "sent");
    not_here["id"] = sent["id"] = "m1";
    f.pods = {account("a", {not_here}), account("b", {sent})};
    auto pushes = user_view(f).at("pushes").as_array();
    ASSERT_EQ(pushes.size(), 1U);
    EXPECT_EQ(pushes[0].at("text"), "for user alice: sent to 1 connection; a channel's push is not confirmed");
    f.pods = {account("a", {not_here}), account("b", {not_here})};
    EXPECT_EQ(user_view(f).at("pushes").as_array().size(), 1U) << "one speaks for all";
    f.pods.pop_back();
    EXPECT_TRUE(user_view(f).at("pushes").as_array().empty()) << "the pod that does not answer may have sent it";
}

TEST(Story, PodsWithoutARecipientAreLeftOutWhereSomebodyHasOne) {
    auto f = findings({account("a", {entry("100", "channel", "not_here")}), account("b", {entry("100", "channel", "sent")})});
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("b: for user alice: sent to 1 connection")));
    f = findings({account("a", {entry("100", "channel", "not_here")}), account("b", {})});
    EXPECT_THAT(story(f), ElementsAre(HasSubstr("no recipient on this pod")));
    EXPECT_EQ(conclusion(f), "no pod has a recipient");
    f.pods.pop_back();
    EXPECT_EQ(conclusion(f), "unknown: no recipient on the pods that answered (no answer from 1 pod)");
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
