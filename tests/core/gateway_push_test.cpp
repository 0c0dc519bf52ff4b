#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {
using namespace std::chrono_literals;

struct GatewayPush : testing::Test, gateway_house {
    fake_session s;
    static proto::envelope to_user(const std::string& user, const std::string& text) {
        proto::envelope e;
        e.to.users = {user};
        e.kind = proto::payload_kind::text;
        e.payload = text;
        return e;
    }
};

TEST_F(GatewayPush, AListPushIsSettledOnceItIsConfirmed) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(to_user("alice", "1"), {16});
    gate->on_push(to_user("alice", "2"), {17});
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_TRUE(settlements.empty());
    gate->confirmed(*c, s.sent[1].second);
    ASSERT_EQ(settlements.size(), 2U) << "what was in front of it has left too";
    EXPECT_EQ(settlements[0].id, 16U);
    EXPECT_EQ(settlements[1].reached, 1U);
}

TEST_F(GatewayPush, WhatWasNotConfirmedWhenTheConnectionEndsIsLost) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(to_user("alice", "1"), {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"ualice"});
    EXPECT_EQ(settlements[0].reached, 0U);
}

TEST_F(GatewayPush, NobodyHereIsSettledAtOnce) {
    gate->on_push(to_user("nobody", "1"), {16});
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].failed, std::vector<std::string>{"unobody"}) << "the user may have moved: to be routed again";
    proto::envelope e;
    e.to.groups = {"empty"};
    e.kind = proto::payload_kind::text;
    gate->on_push(e, {17});
    EXPECT_TRUE(settlements[1].lost.empty() && settlements[1].failed.empty());
}

TEST_F(GatewayPush, WhatWasForOneConnectionIsItsUsersAtMost) {
    const auto c = connect(s, {{"Ws-Alias", "order=7,userId=42"}});
    proto::envelope e = to_user("", "PIN");
    e.to = {};
    e.to.connections = {c->id};
    gate->on_push(e, {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_TRUE(settlements[0].lost.empty()) << "others have the alias order=7";
    EXPECT_EQ(settlements[0].dropped, 1U);
}

TEST_F(GatewayPush, WhatWasForAnAliasGoesToThatAliasAgain) {
    const auto c = connect(s, {{"Ws-Alias", "order=7,userId=42"}});
    proto::envelope e = to_user("", "for 42");
    e.to = {};
    e.to.aliases = {"userId=42"};
    gate->on_push(e, {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"auserId=42"});
}

TEST_F(GatewayPush, WhatWasForAGroupGoesToAMemberOnly) {
    const auto c = connect(s, {{"Ws-Alias", "order=7"}, {"Ws-Join", "vip"}});
    proto::envelope e = to_user("", "for vips");
    e.to = {};
    e.to.groups = {"vip"};
    gate->on_push(e, {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"morder=7"});
    app.clear();  // its disconnect event
    fake_session other_session;
    connect(other_session, {{"Ws-Alias", "order=7"}});
    fake_session member_session;
    connect(member_session, {{"Ws-Alias", "order=7"}, {"Ws-Join", "vip"}});
    e.to = {};
    e.to.aliases = {"order=7"};
    e.to.groups = {"vip"};
    e.to.members_only = true;
    gate->on_push(e, {17, true});
    EXPECT_TRUE(other_session.sent.empty());
    EXPECT_EQ(member_session.sent.size(), 1U);
}

TEST_F(GatewayPush, WhatTheFormerUserOfAConnectionHadNotConfirmedIsNotTheNewOnes) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    proto::envelope e = to_user("alice", "for alice and bob");
    e.to.users = {"alice", "bob"};
    gate->on_push(e, {16});
    settlements.clear();
    gate->message(*c, true, "I am carol now");
    answer(answered(204, {{"Ws-User", "carol"}}));
    grant();
    gate->on_push(to_user("carol", "for carol"), {17});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"ualice"});
    EXPECT_EQ(settlements[1].lost, std::vector<std::string>{"ucarol"});
}

TEST_F(GatewayPush, ACloseIsCarriedOutOnTheConnectionsThatAreThereAndOnNoLaterOne) {
    auto e = to_user("alice", "signed out");
    e.id = "k";
    e.close = proto::close_order{4001, "signed out"};
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(e, {16});
    ASSERT_EQ(s.closes.size(), 1U);
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_TRUE(settlements[0].lost.empty()) << "it was for that connection";
    app.clear();  // its disconnect event
    fake_session next;
    connect(next, {{"Ws-User", "alice"}});
    gate->on_push(e, {17, true});
    EXPECT_EQ(next.sent.size(), 1U);
    EXPECT_TRUE(next.closes.empty());
}

TEST_F(GatewayPush, APushThatComesAgainWaitsForTheCopyThatIsOnItsWay) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "1");
    e.id = "p";
    gate->on_push(e, {16});
    gate->on_push(e, {17, true});
    EXPECT_EQ(s.sent.size(), 1U);
    EXPECT_TRUE(settlements.empty());
    gate->confirmed(*c, s.sent[0].second);
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[0].reached, 1U);
    EXPECT_EQ(settlements[1].reached, 1U);
}

TEST_F(GatewayPush, APushThatComesAgainIsLostWithTheCopyThatWasOnItsWay) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "1");
    e.id = "p";
    gate->on_push(e, {16});
    gate->on_push(e, {17, true});
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"ualice"});
    EXPECT_EQ(settlements[1].lost, std::vector<std::string>{"ualice"});
}

TEST_F(GatewayPush, APushThatComesAgainAndFindsOnlyWhoIsExceptedWaitsForSomebodyElse) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "1");
    e.except.connections = {c->id};
    gate->on_push(e, {16, true});
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"xualice"});
}

TEST_F(GatewayPush, WhoIsExceptedByANameThatIsNotKnownYetDoesNotGetIt) {
    const auto c = begin();
    proto::envelope e = to_user("", "for all but alice");
    e.to = {};
    e.to.all = true;
    e.except.users = {"alice"};
    gate->on_push(e, {16});
    answer(answered(204, {{"Ws-User", "alice"}}));
    grant();
    gate->established(*c, s);
    EXPECT_TRUE(s.sent.empty());
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 0U);
}

TEST_F(GatewayPush, ExpiredPushesAreSettledAndCounted) {
    connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "late");
    e.ttl = 5;
    e.time = wall() - 6s;
    gate->on_push(e, {16});
    EXPECT_TRUE(s.sent.empty());
    EXPECT_EQ(settlements.size(), 1U);
    EXPECT_EQ(numbers.undelivered[undelivered_reason::expired], 1);
}

TEST_F(GatewayPush, AnIdReachesAConnectionOnceWithinTheWindow) {
    connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "x");
    e.id = "n1";
    gate->on_push(e, {0});
    gate->on_push(e, {0});
    EXPECT_EQ(s.sent.size(), 1U);
    pass(settings.outbox.dedup_window * 3);
    gate->on_push(e, {0});
    EXPECT_EQ(s.sent.size(), 2U);
}

TEST_F(GatewayPush, LivePushesWaitForAllOfTheMailboxHoweverLateTheRegistrySaysHowMuchThereIs) {
    for (const std::size_t early : {0U, 1U, 2U}) {
        gateway_house house;
        const auto c = house.begin();
        house.answer(answered(204, {{"Ws-User", "alice"}}));
        const auto kept = [&](std::size_t i) {
            proto::envelope e = to_user("", std::to_string(i));
            e.to.users.clear();
            e.to.connections = {c->id};
            push_origin from{20 + i};
            from.mailbox = true;
            house.gate->on_push(e, from);
        };
        for (std::size_t i = 0; i < early; ++i) {
            kept(i);
        }
        ASSERT_EQ(house.enrolled.size(), 1U);
        house.enrolled.back().second({enroll_outcome::done, 1, 2});
        house.gate->established(*c, s);
        house.gate->on_push(to_user("alice", "live"), {30});
        for (std::size_t i = early; i < 2; ++i) {
            EXPECT_EQ(s.sent.size(), i);
            kept(i);
        }
        std::string order;
        for (const auto& [text, tag] : std::exchange(s.sent, {})) {
            order += text + ' ';
        }
        EXPECT_EQ(order, "0 1 live ") << early << " came before the registry's word";
    }
}

TEST_F(GatewayPush, LivePushesDoNotWaitForWhatAMailboxHasAndIsNotForTheConnection) {
    const auto old = std::chrono::system_clock::time_point();  // long ago, by any clock
    for (const auto* why : {"except", "ttl", "join"}) {
        gateway_house house;
        const auto c = house.begin();
        house.answer(answered(204, {{"Ws-User", "alice"}, {"Ws-Join", "g"}}));
        house.enrolled.back().second({enroll_outcome::done, 1, 1});
        house.gate->established(*c, s);
        house.gate->on_push(to_user("alice", "live"), {.id = 30});
        EXPECT_TRUE(s.sent.empty()) << why;
        proto::envelope kept = to_user("", "kept");
        kept.to.users.clear();
        kept.to.connections = {c->id};
        if (why == std::string_view("except")) {
            kept.except.groups.push_back("g");
        } else if (why == std::string_view("ttl")) {
            kept.time = old;
            kept.ttl = 1;
        } else {
            kept.kind = proto::payload_kind::none;
            kept.join.push_back("h");
        }
        house.gate->on_push(kept, {.id = 31, .mailbox = true});
        EXPECT_EQ(std::exchange(s.sent, {}).size(), 1U) << why;
    }
}

TEST_F(GatewayPush, AKeptPushThatCameLiveBeforeTakesItsPlaceAmongWhatWasKept) {
    const auto c = begin();
    answer(answered(204, {{"Ws-User", "alice"}, {"Ws-Join", "g"}}));
    const auto push = [&](const char* text, bool live) {
        proto::envelope e = to_user("", text);
        e.id = text;
        e.to = {};
        live ? e.to.groups.push_back("g") : e.to.connections.push_back(c->id);
        return e;
    };
    gate->on_push(push("2", true), {.id = 30});
    gate->on_push(push("4", true), {.id = 31, .everywhere = true});
    gate->on_push(push("5", true), {.id = 32});
    enrolled.back().second({enroll_outcome::done, 1, 3});
    gate->established(*c, s);
    gate->on_push(push("1", false), {.id = 33, .mailbox = true});
    gate->on_push(push("2", false), {.id = 34, .mailbox = true, .kept = true});
    gate->on_push(push("3", false), {.id = 35, .mailbox = true});
    gate->on_push(push("4", false), {.id = 36, .mailbox = true, .kept = true});
    EXPECT_EQ(s.sent.size(), 4U);
    gate->on_claimed(c->id);
    std::string order;
    for (const auto& [text, tag] : s.sent) {
        order += text + '@' + std::to_string(tag) + ' ';
    }
    EXPECT_EQ(order, "1@33 2@34 3@35 4@36 5@32 ");
    ASSERT_EQ(settlements.size(), 2U) << "who had it live has it as a kept one: each is told of once";
    for (const auto& o : settlements) {
        EXPECT_TRUE(o.id == 30U || o.id == 31U) << o.id;
        EXPECT_EQ(o.reached + o.dropped + o.duplicates, 0U);
        EXPECT_TRUE(o.not_for_it && o.lost.empty() && o.failed.empty());
    }
    gate->confirmed(*c, 32);
    EXPECT_EQ(settlements.size(), 7U);
    EXPECT_EQ(numbers.undelivered[undelivered_reason::duplicate], 0);
}

TEST_F(GatewayPush, CommandsFollowTheMessage) {
    const auto c = connect(s, {{"Ws-User", "alice"}, {"Ws-Join", "old"}});
    auto e = to_user("alice", "bye");
    e.join = {"new"};
    e.leave = {"old"};
    e.close = proto::close_order{4001, "over"};
    gate->on_push(e, {0});
    EXPECT_EQ(s.sent.size(), 1U);
    EXPECT_EQ(c->groups, std::vector<std::string>{"new"});
    ASSERT_EQ(enrolled.size(), 1U) << "the registry hears of the groups";
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].second, "over");
}

TEST_F(GatewayPush, AGapClosesWhereConfigured) {
    connect(s);
    gate->on_gap();
    EXPECT_TRUE(s.closes.empty());
    settings.on_gap = "close";
    gate->on_gap();
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 4010);
}

// --------------------------------------------------------------------------------- where did my message go

struct GatewayLately : GatewayPush {
    /// The last of those with an id.
    recent_push last() const {
        recent_push out;
        gate->recent_events().pushes.newest_first([&](const recent_push& p) {
            out = p;
            return false;
        });
        return out;
    }
    static proto::envelope named(proto::envelope e, const std::string& id) {
        e.id = id;
        return e;
    }
};

TEST_F(GatewayLately, AListPushIsUnderWayUntilItIsConfirmed) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(named(to_user("alice", "secret"), "m1"), {16});
    EXPECT_EQ(last().id, "m1");
    EXPECT_EQ(last().to, "ualice");
    EXPECT_STREQ(last().door, "list");
    EXPECT_EQ(last().outcome, "under_way");
    pass(20ms);
    gate->confirmed(*c, s.sent[0].second);
    EXPECT_EQ(last().outcome, "delivered");
    EXPECT_EQ(last().connections, 1U);
    EXPECT_EQ(last().connection, c->id);
    EXPECT_DOUBLE_EQ(last().seconds, 0.02);
    EXPECT_EQ(gate->recent_events().pushes.count(), 1U);
}

TEST_F(GatewayLately, WhatReachesNobodyHasItsReason) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(named(to_user("alice", "1"), "m1"), {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    EXPECT_EQ(last().outcome, "routed_again");
    EXPECT_EQ(last().reason, "connection_gone");
    proto::envelope e;
    e.to.groups = {"empty"};
    e.kind = proto::payload_kind::text;
    gate->on_push(named(e, "m2"), {17});
    EXPECT_EQ(last().outcome, "no_connection");
    push_origin wide{18};
    wide.everywhere = true;
    gate->on_push(named(e, "m3"), wide);
    EXPECT_EQ(last().outcome, "not_here") << "another instance may have somebody";
    auto late = named(to_user("alice", "late"), "m4");
    late.ttl = 5;
    late.time = wall() - 6s;
    gate->on_push(late, {19});
    EXPECT_EQ(last().outcome, "expired");
}

TEST_F(GatewayLately, ARepetitionIsADroppedDuplicate) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->on_push(named(to_user("alice", "1"), "m1"), {16});
    gate->on_push(named(to_user("alice", "1"), "m1"), {17});
    EXPECT_EQ(last().outcome, "dropped");
    EXPECT_EQ(last().reason, "duplicate");
}

TEST_F(GatewayLately, AChannelsPushIsSentOrNotHere) {
    connect(s, {{"Ws-User", "alice"}});
    gate->on_push(named(to_user("alice", "1"), "m1"), {});
    EXPECT_STREQ(last().door, "channel");
    EXPECT_EQ(last().outcome, "sent");
    EXPECT_EQ(last().connections, 1U);
    gate->on_push(named(to_user("bob", "1"), "m2"), {});
    EXPECT_EQ(last().outcome, "not_here");
    gate->on_push(to_user("alice", "without an id"), {});
    EXPECT_EQ(gate->recent_events().pushes.count(), 2U);
    EXPECT_EQ(gate->recent_events().unnamed_pushes.count(), 1U);
}

TEST_F(GatewayLately, WhatTheRouterSaysIsKept) {
    gate->on_routed("m1", "ualice", "stored", "grace");
    EXPECT_STREQ(last().door, "router");
    EXPECT_EQ(last().to, "ualice");
    EXPECT_EQ(last().outcome, "stored");
    EXPECT_EQ(last().reason, "grace");
}

TEST_F(GatewayLately, AnEndedConnectionIsRememberedWithItsReason) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->closed(*c, 1009, "message_too_big", close_cause_of(proto::ws_violation::message_too_big));
    int seen = 0;
    gate->recent_events().closes.newest_first([&](const recent_close& x) {
        EXPECT_EQ(x.connection, c->id);
        EXPECT_EQ(x.user, "alice");
        EXPECT_EQ(x.code, 1009);
        EXPECT_EQ(x.reason, "message_too_big");
        EXPECT_EQ(x.cause, close_cause_of(proto::ws_violation::message_too_big));
        EXPECT_EQ(x.time, wall());
        return ++seen, true;
    });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(numbers.limit_hits.at({"limits.message"}), 1);
}

}  // namespace
}  // namespace wsidecar::core
