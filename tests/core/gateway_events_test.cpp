#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {
using namespace std::chrono_literals;

struct GatewayEvents : testing::Test, gateway_house {
    fake_session s;
};

TEST_F(GatewayEvents, OneIsInFlightAndOrderHolds) {
    const auto c = connect(s);
    for (const char* m : {"1", "2", "3"}) {
        gate->message(*c, true, m);
    }
    for (const char* m : {"1", "2", "3"}) {
        ASSERT_EQ(app.size(), 1U);
        EXPECT_EQ(app[0].request.body, m);
        EXPECT_EQ(app[0].header("ce-id"), c->id + ":" + m);
        answer(answered(200, {{"Content-Type", "text/plain"}}, std::string("re ") + m));
    }
    ASSERT_EQ(s.sent.size(), 3U);
    EXPECT_EQ(s.sent[2].first, "re 3");
}

TEST_F(GatewayEvents, AnAppThatIsBusyGetsTheSameEventAgainInOrder) {
    const auto c = connect(s);
    gate->message(*c, true, "1");
    gate->message(*c, true, "2");
    answer(answered(503, {{"Retry-After", "2"}}));
    EXPECT_TRUE(app.empty());
    pass(1900ms);
    EXPECT_TRUE(app.empty()) << "not before Retry-After";
    pass(1500ms);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-id"), c->id + ":1");
    EXPECT_EQ(app[0].header("ws-attempt"), "2");
    answer(answered(204));
    EXPECT_EQ(app[0].request.body, "2");
}

TEST_F(GatewayEvents, PastTheDeadlineTheClientIsToldWith1013) {
    settings.app.retry.deadline = 3s;
    const auto c = connect(s);
    gate->message(*c, true, "1");
    for (int i = 0; i < 100 && s.closes.empty(); ++i) {
        if (!app.empty()) {
            answer(answered(503));
        }
        pass(100ms);
    }
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1013);
    EXPECT_LE(time.time_since_epoch(), 4s);
}

TEST_F(GatewayEvents, WhileTheAppDoesNotAcceptTheLongerDeadlineCounts) {
    settings.app.retry.deadline = 3s;
    settings.app.retry.down_deadline = 60s;
    const auto c = connect(s);
    gate->message(*c, true, "1");
    app_accepts = false;
    for (int i = 0; i < 300; ++i) {
        if (!app.empty()) {
            answer(failed(app_failure::unreached));
        }
        pass(100ms);
    }
    EXPECT_TRUE(s.closes.empty()) << "an app that restarts costs nobody a connection";
    app_accepts = true;
    pass(10s);
    ASSERT_FALSE(app.empty());
    answer(answered(204));
    EXPECT_TRUE(s.closes.empty());
}

TEST_F(GatewayEvents, WhatTheAppMayHaveDoneIsNotSentAgain) {
    const auto c = connect(s);
    gate->message(*c, true, "1");
    answer(failed(app_failure::timeout));
    pass(60s);
    EXPECT_TRUE(app.empty());
    EXPECT_TRUE(s.closes.empty());
    EXPECT_EQ(numbers.undelivered[undelivered_reason::ambiguous], 1);
    EXPECT_EQ(numbers.events.at({"message", "ambiguous"}), 1);
}

TEST_F(GatewayEvents, UnlessConfigured) {
    settings.app.retry.ambiguous = true;
    const auto c = connect(s);
    gate->message(*c, true, "1");
    answer(failed(app_failure::cut));
    pass(10s);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-id"), c->id + ":1");
}

TEST_F(GatewayEvents, ALoginThatIsGoneClosesWith4401) {
    const auto c = connect(s);
    gate->message(*c, true, "1");
    answer(answered(401));
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 4401);
}

TEST_F(GatewayEvents, ReadingStopsAtABoundAndGoesOn) {
    const auto c = connect(s);
    int sent = 0;
    while (!s.paused && sent < 10000) {
        gate->message(*c, true, std::string(100, 'x'));
        ++sent;
    }
    EXPECT_TRUE(s.paused);
    EXPECT_LT(sent, 1000);
    while (!app.empty()) {
        answer(answered(204));
    }
    EXPECT_FALSE(s.paused);
    EXPECT_FALSE(c->inbound) << "an idle connection holds no queue";
}

TEST_F(GatewayEvents, TheDisconnectEventComesBehindTheMessagesAndIsSentUntilItIsTaken) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->message(*c, true, "1");
    gate->closed(*c, 1001, "tab closed", close_cause::client);
    ASSERT_EQ(left_as.size(), 1U) << "presence goes at once";
    EXPECT_EQ(left_as[0].user, "alice") << "as what it was, for a Redis that has lost it";
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.message");
    answer(answered(204));
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.disconnect");
    EXPECT_EQ(app[0].header("ws-close-code"), "1001");
    EXPECT_EQ(app[0].header("ws-close-reason"), "tab%20closed");
    EXPECT_EQ(app[0].header("ws-user-connections"), "0");
    answer(failed(app_failure::timeout));
    EXPECT_EQ(gate->unfinished(), 1U);
    pass(30s);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-id"), c->id + ":end");
    answer(answered(204));
    EXPECT_EQ(gate->unfinished(), 0U);
    EXPECT_EQ(forgotten, std::vector<std::string>{c->id});
}

TEST_F(GatewayEvents, ASurvivorSpeaksWithTheDeadInstancesName) {
    bool taken = false;
    gate->disconnect_on_behalf({.connection = "c1",
                                .instance = "pod-0-dead",
                                .user = "alice",
                                .path = "/ws/7",
                                .state = "cart",
                                .user_connections = 2,
                                .close_reason = {}},
                               [&](bool t) { taken = t; });
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-source"), "/wsidecar/pod-0-dead");
    EXPECT_EQ(app[0].header("ce-id"), "c1:end");
    EXPECT_EQ(app[0].header("ws-reason"), "pod_lost");
    EXPECT_EQ(app[0].header("ws-state"), "cart");
    EXPECT_EQ(app[0].header("ws-user-connections"), "2");
    EXPECT_EQ(app[0].header("ce-sequence"), "");
    answer(answered(204));
    EXPECT_TRUE(taken);
}

TEST_F(GatewayEvents, AFencedConnectionSendsNoSecondDisconnect) {
    const auto c = connect(s);
    gate->on_registered(c->id, registered::yes);
    gate->on_fenced(ends_told::yes);
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1012);
    EXPECT_TRUE(gate->enrolled().empty()) << "a survivor finds its entry under the old id only";
    gate->closed(*c, 1012, "", close_cause::app);
    EXPECT_TRUE(app.empty());
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayEvents, AFencedConnectionSendsItsDisconnectIfTheSurvivorsMayBeLost) {
    const auto c = connect(s);
    gate->on_registered(c->id, registered::yes);
    gate->on_fenced(ends_told::perhaps);
    ASSERT_EQ(s.closes.size(), 1U);
    gate->closed(*c, 1012, "", close_cause::app);
    EXPECT_EQ(app.size(), 1U) << "the app recognizes a repeated one by its ce-id";
}

TEST_F(GatewayEvents, AConnectionThatRedisNeverHadUnderTheDeadIdGoesOn) {
    const auto c = connect(s);
    gate->on_registered(c->id, registered::perhaps);
    gate->on_registered(c->id, registered::no);
    gate->on_fenced(ends_told::yes);
    EXPECT_TRUE(s.closes.empty()) << "no survivor knows of it";
    gate->closed(*c, 1000, "", close_cause::client);
    EXPECT_EQ(app.size(), 1U) << "its disconnect event is this pod's to send";
}

TEST_F(GatewayEvents, ADisconnectEventThatTheAppDoesNotTakeIsHandedOn) {
    settings.app.retry.deadline = 2s;
    const auto c = connect(s, {{"Ws-User", "alice"}});
    gate->closed(*c, 1001, "bye", close_cause::client);
    while (!app.empty()) {
        EXPECT_TRUE(gate->holds(c->id));
        answer(answered(503));
        pass(1s);
    }
    ASSERT_EQ(bequeathed.size(), 1U);
    EXPECT_EQ(bequeathed[0].connection, c->id);
    EXPECT_EQ(bequeathed[0].user, "alice");
    EXPECT_EQ(bequeathed[0].close_code, 1001);
    EXPECT_TRUE(forgotten.empty());
    EXPECT_FALSE(gate->holds(c->id));
}

}  // namespace
}  // namespace wsidecar::core
