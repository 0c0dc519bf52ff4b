#include "sidecar/app/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "sidecar/app/story.hpp"

namespace wsidecar::app {
namespace {
namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000));

struct Snapshot : testing::Test {
    pod_state pod;
    core::metrics m;
    core::recent lately;
    history::figures figures;

    json::value look() const { return json::parse(json::serialize(snapshot(pod, m, lately, figures))); }
    core::recent_push& push(const std::string& id, const std::string& to, const char* outcome, int second = 0) {
        auto& p = id.empty() ? lately.unnamed_pushes.next() : lately.pushes.next();
        p = {now + std::chrono::seconds(second), id, "list", to, "", outcome, "", "", 1, 0.25, ""};
        return p;
    }
};

TEST_F(Snapshot, SaysHowThePodIs) {
    pod.instance = "shop-1";
    pod.ready = true;
    pod.app = "does not accept connections";
    pod.redis = "commands: connection refused";
    pod.drain = "closing";
    pod.by_route = {{"/ws/a", 2}, {"/ws/b", 1}};
    pod.instances = {"shop-1", "shop-2"};
    m.connections.value() = 3;
    m.drain_remaining.value() = 2;
    m.router.value() = 1;
    figures.now.accepted = 1.5;
    figures.event = {0.001, 0.2, 7};
    const auto s = look();
    EXPECT_EQ(s.at("instance"), "shop-1");
    EXPECT_EQ(s.at("app"), "does not accept connections");
    EXPECT_EQ(s.at("redis"), "commands: connection refused");
    EXPECT_EQ(s.at("drain").at("state"), "closing");
    EXPECT_EQ(s.at("drain").at("remaining").to_number<int>(), 2);
    EXPECT_EQ(s.at("connections").at("open").to_number<int>(), 3);
    EXPECT_EQ(s.at("connections").at("by_route").at(1).at("path"), "/ws/b");
    EXPECT_EQ(s.at("rates").at("accepted").to_number<double>(), 1.5);
    EXPECT_EQ(s.at("latency").at("event").at("p99").to_number<double>(), 0.2);
    EXPECT_TRUE(s.at("latency").at("push").at("p50").is_null());
    EXPECT_TRUE(s.at("queues").at("routes_outbox").as_bool());
    EXPECT_EQ(s.at("registry").at("instances").as_array().size(), 2U);
}

TEST_F(Snapshot, EachLimitHasItsValueItsUseAndItsHits) {
    m.limit.at({"limits.queue"}) = 1024;
    m.limit_used.at({"limits.queue"}) = 100;
    m.hit("queue");
    const auto s = look();
    for (const auto& l : s.at("limits").as_array()) {
        if (l.at("name") == "limits.queue") {
            EXPECT_EQ(l.at("value").to_number<int>(), 1024);
            EXPECT_EQ(l.at("used").to_number<int>(), 100);
            EXPECT_EQ(l.at("hits").to_number<int>(), 1);
            return;
        }
    }
    FAIL() << "limits.queue is not there";
}

TEST_F(Snapshot, WhatWasNotDeliveredIsSortedAndWithoutZeros) {
    m.undelivered[core::undelivered_reason::queue] = 2;
    m.undelivered[core::undelivered_reason::expired] = 5;
    const auto u = look().at("undelivered").as_array();
    ASSERT_EQ(u.size(), 2U);
    EXPECT_EQ(u[0].at("reason"), "expired");
    EXPECT_EQ(u[1].at("count").to_number<int>(), 2);
}

TEST_F(Snapshot, BytesThatAreNoTextDoNotSpoilIt) {
    auto& c = lately.closes.next();
    c = {now, "c1", "al\xFFice", 4001, "<img src=x onerror=alert(1)>\x1b[2J", core::close_cause::app};
    pod.longest.push_back({"c1", "\xC3", "/ws", 10});
    const auto s = look();  // parses
    EXPECT_EQ(s.at("closes").at(0).at("user"), "al\xEF\xBF\xBDice");
    EXPECT_EQ(s.at("closes").at(0).at("reason"), "<img src=x onerror=alert(1)>\x1b[2J");
}

TEST_F(Snapshot, TheLatestPushesOfBothKindsAreInTheOrderOfTheirTimes) {
    push("m1", "ualice", "delivered", 1);
    push("", "gtable", "sent", 2);
    push("m2", "*", "delivered", 3);
    const auto p = look().at("pushes").as_array();
    ASSERT_EQ(p.size(), 3U);
    EXPECT_EQ(p[0].at("id"), "m2");
    EXPECT_EQ(p[0].at("to").at(0).at("kind"), "all");
    EXPECT_EQ(p[1].at("to").at(0).at("name"), "table");
    EXPECT_EQ(p[2].at("time"), "2026-11-18T11:06:41.000Z");
}

TEST_F(Snapshot, AUsersPushesAreThoseToAnyNameOfTheirs) {
    push("by user", "ubob\nualice", "delivered");
    push("by group", "gtable-7", "delivered");
    push("by alias", "auserId=42", "delivered");
    push("by connection", "cc1", "delivered");
    push("by all", "*", "delivered");
    push("by destination", "d/topic/x", "delivered");
    push("by own destination", std::string("qualice\0/user/queue/x", 21), "delivered");
    push("another's", "ualice2", "delivered");
    push("another group", "gtable-77", "delivered");
    push("not to her", "*", "delivered").except = "ualice";
    const std::vector<held_connection> here{{"c1", "/ws", "", {"userId=42"}, {"table-7"}, {"/topic/x"}, 12, 3}};
    core::registry_view redis;
    redis.answered = true;
    redis.connections = {{"c1", "shop-1", "/ws", ""}, {"c2", "shop-2", "/ws", "2026-11-21T10:00:00Z"}};
    redis.kept = 2;
    redis.mailbox = {{"m9", 10, now, "grace"}};
    const auto v = user_view({"alice", "shop-1", redis, {true, {}}, {user_account("alice", "shop-1", here, lately)}});
    std::set<std::string> ids;
    for (const auto& p : v.at("pushes").as_array()) {
        ids.insert(std::string(p.at("id").as_string()));
    }
    EXPECT_THAT(ids, testing::ElementsAre("by alias", "by all", "by connection", "by destination", "by group",
                                          "by own destination", "by user"));
    const auto& c = v.at("connections").as_array();
    ASSERT_EQ(c.size(), 2U) << "the one that is here is told once";
    EXPECT_TRUE(c[0].at("here").as_bool());
    EXPECT_EQ(c[0].at("queued_bytes").to_number<int>(), 12);
    EXPECT_EQ(c[1].at("instance"), "shop-2");
    EXPECT_EQ(v.at("mailbox").at("count").to_number<int>(), 2);
    EXPECT_EQ(v.at("mailbox").at("oldest").at(0).at("id"), "m9");
    EXPECT_FALSE(v.at("mailbox").as_object().contains("waited_for_seconds"));
}

TEST_F(Snapshot, AnOwnDestinationIsToldWithItsUser) {
    push("m1", std::string("qualice\0/user/queue/x", 21), "stored");
    const auto v = message_account("m1", "shop-1", lately);
    const auto& to = v.at("entries").at(0).at("to").at(0);
    EXPECT_EQ(to.at("kind"), "user");
    EXPECT_EQ(to.at("name"), "alice");
    EXPECT_EQ(to.at("destination"), "/user/queue/x");
}

TEST_F(Snapshot, AMessageIsFoundAsOftenAsItCameBy) {
    push("m1", "ualice", "routed_again", 1).reason = "connection_gone";
    push("m2", "ualice", "delivered", 2);
    push("m1", "ualice", "delivered", 3);
    const auto found = message_account("m1", "shop-1", lately).at("entries").as_array();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].at("outcome"), "delivered");
    EXPECT_EQ(found[1].at("reason"), "connection_gone");
}

}  // namespace
}  // namespace wsidecar::app
