#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {

struct GatewayOpen : testing::Test, gateway_house {};

TEST_F(GatewayOpen, The101WaitsForTheAppAndThenForTheRegistry) {
    begin();
    ASSERT_EQ(announced.size(), 1U) << "a survivor must know whom to speak for";
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].request.target, "/ws/7?x=1");
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.connect");
    EXPECT_TRUE(app[0].request.reserved);
    EXPECT_FALSE(verdict);
    answer(answered(204, {{"Ws-User", "alice"}, {"Ws-Join", "g"}}));
    EXPECT_FALSE(verdict);
    ASSERT_EQ(enrolled.size(), 1U);
    EXPECT_EQ(enrolled[0].first.user, "alice");
    EXPECT_EQ(enrolled[0].first.groups, std::vector<std::string>{"g"});
    grant();
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->accepted);
}

TEST_F(GatewayOpen, ARefusalOfTheAppIsRelayedAndNothingStays) {
    begin();
    answer(answered(403, {{"Content-Type", "text/plain"}, {"X-Internal", "1"}}, "no"));
    ASSERT_TRUE(verdict);
    EXPECT_FALSE(verdict->accepted);
    EXPECT_EQ(verdict->status, 403U);
    EXPECT_EQ(verdict->body, "no");
    EXPECT_EQ(verdict->headers.size(), 1U);
    EXPECT_TRUE(enrolled.empty());
    EXPECT_EQ(gate->unfinished(), 0U);
    EXPECT_EQ(forgotten.size(), 1U);
}

TEST_F(GatewayOpen, ATimeoutIs504AndTheAppHearsThatNothingCameOfIt) {
    begin();
    answer(failed(app_failure::timeout));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->status, 504U);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.disconnect");
    EXPECT_EQ(app[0].header("ws-reason"), "not_established");
}

TEST_F(GatewayOpen, AnAppThatIsNotThereIs503WithRetryAfterAndNoDisconnectEvent) {
    begin();
    answer(failed(app_failure::unreached));
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->status == 502 || verdict->status == 503);
    EXPECT_TRUE(app.empty());
}

TEST_F(GatewayOpen, AClientThatLeavesWhileTheAppIsAskedGetsItsDisconnectEvent) {
    const auto c = begin();
    gate->abandon(*c);
    answer(answered(204, {{"Ws-User", "alice"}}));
    EXPECT_FALSE(verdict);
    EXPECT_TRUE(enrolled.empty());
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-id"), c->id + ":end");
    answer(answered(204));
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayOpen, RedisDownLetsTheConnectionIn) {
    begin();
    answer(answered(204));
    enrolled[0].second({enroll_outcome::down, std::nullopt});
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->accepted);
}

TEST_F(GatewayOpen, ConnectionsPerUserRefusesWith503) {
    begin();
    answer(answered(204, {{"Ws-User", "alice"}}));
    enrolled[0].second({enroll_outcome::refused, 3});
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->status, 503U);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ws-reason"), "not_established");
}

TEST_F(GatewayOpen, WithoutAConnectEventNobodyIsAsked) {
    settings.routes[0].events = {"message"};
    settings.routes[0].user = "u-{table}";
    begin();
    EXPECT_TRUE(app.empty());
    ASSERT_EQ(enrolled.size(), 1U);
    EXPECT_EQ(enrolled[0].first.user, "u-7");
    grant();
    EXPECT_TRUE(verdict->accepted);
}

TEST_F(GatewayOpen, TheAnswersBodyComesBeforePushesOfTheMeantime) {
    const auto c = begin();
    answer(answered(200, {{"Ws-User", "alice"}, {"Content-Type", "text/plain"}}, "welcome"));
    proto::envelope e;
    e.to.users = {"alice"};
    e.kind = proto::payload_kind::text;
    e.payload = "early";
    gate->on_push(e, {0});
    grant();
    fake_session s;
    gate->established(*c, s);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "welcome");
    EXPECT_EQ(s.sent[1].first, "early");
}

}  // namespace
}  // namespace wsidecar::core
