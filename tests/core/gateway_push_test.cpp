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
    gate->closed(*c, 1006, "", "reset");
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"ualice"});
    EXPECT_EQ(settlements[0].reached, 0U);
}

TEST_F(GatewayPush, NobodyHereIsSettledAtOnce) {
    gate->on_push(to_user("nobody", "1"), {16});
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"unobody"}) << "the user may have moved: to be routed again";
    proto::envelope e;
    e.to.groups = {"empty"};
    e.kind = proto::payload_kind::text;
    gate->on_push(e, {17});
    EXPECT_TRUE(settlements[1].lost.empty());
}

TEST_F(GatewayPush, ExpiredPushesAreSettledAndCounted) {
    connect(s, {{"Ws-User", "alice"}});
    auto e = to_user("alice", "late");
    e.ttl = 5;
    e.time = wall() - 6s;
    gate->on_push(e, {16});
    EXPECT_TRUE(s.sent.empty());
    EXPECT_EQ(settlements.size(), 1U);
    EXPECT_EQ(numbers.undelivered.at({"expired"}), 1);
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

}  // namespace
}  // namespace wsidecar::core
