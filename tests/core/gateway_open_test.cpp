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

TEST_F(GatewayOpen, ATokenNamesTheUserAndHisGroups) {
    settings.routes[0].groups = {"table-{table}"};
    begin(proto::jwt::claims{"alice", {"staff", "chefs"}, {}});
    ASSERT_EQ(enrolled.size(), 1U);
    EXPECT_EQ(enrolled[0].first.user, "alice");
    EXPECT_EQ(enrolled[0].first.groups, (std::vector<std::string>{"table-7", "staff", "chefs"}));
    grant();
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-userid"), "alice") << "the app hears who it is";
    answer(answered(204, {{"Ws-User", "bob"}}));
    EXPECT_EQ(enrolled.back().first.user, "bob") << "and may say who it is to wsidecar";
}

TEST_F(GatewayOpen, ATokenThatNamesNobodyLeavesThePathsUser) {
    settings.routes[0].user = "u-{table}";
    begin(proto::jwt::claims{});
    EXPECT_EQ(enrolled.at(0).first.user, "u-7");
}

TEST_F(GatewayOpen, AConnectionEndsWith4401WhenItsTokenExpires) {
    using namespace std::chrono_literals;
    const auto c = begin(proto::jwt::claims{"alice", {}, wall() + 150s});
    grant();
    answer(answered(204));
    grant();
    fake_session s;
    gate->established(*c, s);
    pass(149s);
    EXPECT_TRUE(s.closes.empty());
    pass(1s);
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 4401);
    EXPECT_EQ(s.closes[0].second, "token expired");
    gate->closed(*c, 4401, "", close_cause::app);
    answer(answered(204));
    pass(1h);
    EXPECT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayOpen, AConnectionThatEndsBeforeItsTokenIsNotTouchedAgain) {
    using namespace std::chrono_literals;
    fake_session s;
    auto c = begin(proto::jwt::claims{"alice", {}, wall() + 150s});
    grant();
    answer(answered(204));
    grant();
    gate->established(*c, s);
    gate->closed(*c, 1000, "", close_cause::client);
    c.reset();
    pass(300s);
    EXPECT_TRUE(s.closes.empty());
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

struct GatewayEarly : testing::Test, gateway_house {
    /// How many of these pushes the client gets that come before its connection opens. Pushes of the list have ids from `first` on.
    std::size_t opened_after(std::size_t pushes, std::size_t bytes, delivery_id first = 0) {
        const auto c = begin();
        answer(answered(200));
        proto::envelope e;
        e.to.connections = {c->id};
        e.kind = proto::payload_kind::text;
        e.payload = std::string(bytes, 'x');
        for (std::size_t n = 0; n < pushes; ++n) {
            gate->on_push(e, {first == 0 ? 0 : first + n});
        }
        grant();
        fake_session s;
        gate->established(*c, s);
        const std::size_t sent = s.sent.size();
        gate->closed(*c, 1000, "", close_cause::client);
        return sent;
    }
};

TEST_F(GatewayEarly, PushesOfTheMeantimeWaitWhateverTheirNumber) {
    EXPECT_EQ(opened_after(5000, 10), 5000U);
}

TEST_F(GatewayEarly, PushesOfTheMeantimeAreNoMoreThanTheQueueTakes) {
    EXPECT_EQ(opened_after(3000, 2000), 1024U) << "which are more than 1 MiB";
    EXPECT_EQ(numbers.undelivered[undelivered_reason::queue], 3000 - 1024);
}

TEST_F(GatewayEarly, PushesOfTheListThatDoNotFitAreCountedToo) {
    EXPECT_EQ(opened_after(3000, 2000, 16), 1024U);
    EXPECT_EQ(numbers.undelivered[undelivered_reason::queue], 3000 - 1024);
    ASSERT_FALSE(settlements.empty());
    EXPECT_EQ(settlements.front().dropped, 1U);
    EXPECT_EQ(settlements.front().why_dropped, undelivered_reason::queue);
}

struct GatewayRate : testing::Test, gateway_house {
    /// Opens until one is refused; how many were not.
    unsigned opened(const std::string& address, const std::string& user) {
        for (unsigned n = 0; n < 3'000; ++n) {
            verdict.reset();
            handshake h;
            h.route = &settings.routes[0];
            h.path = h.target = "/ws/7";
            h.variables = {{"table", "7"}};
            h.address = address;
            h.address_is_one_client = !address.empty();
            if (!user.empty()) {
                h.token = proto::jwt::claims{};
                h.token->user = user;
            }
            gate->open(std::move(h), [this](handshake_verdict v) { verdict = std::move(v); });
            if (verdict) {
                return n;
            }
        }
        return 3'000;
    }
};

TEST_F(GatewayRate, AnAddressOverItsRateIsAnswered429AndNeitherAppNorRedisHearsOfIt) {
    settings.handshakes_per_address = 3;
    EXPECT_EQ(opened("203.0.113.7", ""), 30U);
    EXPECT_EQ(verdict->status, 429U);
    EXPECT_EQ(verdict->cause, handshake_result::handshakes_per_address);
    ASSERT_FALSE(verdict->headers.empty());
    EXPECT_EQ(verdict->headers.back().first, "Retry-After");
    EXPECT_EQ(announced.size(), 30U);
    EXPECT_EQ(app.size(), 30U);
    EXPECT_TRUE(retired.empty());
    EXPECT_EQ(opened("::ffff:203.0.113.7", ""), 0U) << "the same address";
    EXPECT_EQ(opened("2001:db8::1", ""), 30U);
    EXPECT_EQ(opened("2001:db8::2", ""), 0U) << "of one /64";
    EXPECT_EQ(opened("2001:db8:0:1::2", ""), 30U);
    pass(std::chrono::seconds(1));
    EXPECT_EQ(opened("203.0.113.7", ""), 3U);
    settings.handshakes_per_address = 0;
    EXPECT_EQ(opened("203.0.113.7", ""), 3'000U) << "changed while it runs";
}

TEST_F(GatewayRate, AUserThatTheHandshakeNamesIsRefusedBeforeAnybodyHearsOfIt) {
    settings.handshakes_per_user = 2;
    EXPECT_EQ(opened("", "alice"), 20U);
    EXPECT_EQ(verdict->status, 429U);
    EXPECT_EQ(verdict->cause, handshake_result::handshakes_per_user);
    EXPECT_EQ(enrolled.size(), 20U);
    EXPECT_TRUE(retired.empty());
    EXPECT_EQ(opened("", "bob"), 20U);
    EXPECT_GT(numbers.limit_used.at({"handshakes.remembered"}), 0);
}

TEST_F(GatewayRate, AUserThatTheAppNamesIsRefusedBeforeItIsRegistered) {
    settings.handshakes_per_user = 1;
    for (int i = 0; i < 10; ++i) {
        fake_session s;
        const auto c = connect(s, {{"Ws-User", "alice"}});
        gate->closed(*c, 1000, "", close_cause::client);
        answer(answered(204));
    }
    verdict.reset();
    begin();
    answer(answered(204, {{"Ws-User", "alice"}}));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->status, 429U);
    EXPECT_TRUE(enrolled.empty());
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ws-reason"), "not_established");
}

}  // namespace
}  // namespace wsidecar::core
