// STOMP in the gateway, with ports that the test plays by hand.

#include "proto/target.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {
using namespace std::chrono_literals;
using namespace std::string_literals;

struct GatewayStomp : testing::Test, gateway_house {
    GatewayStomp() {
        auto& r = settings.routes[0];
        r.protocol = "stomp";
        r.events = {"connect", "message", "subscribe", "unsubscribe", "disconnect"};
    }

    /// The 101 is out; nothing was said yet.
    connection_ptr dial() {
        const auto c = begin();
        EXPECT_TRUE(verdict && verdict->accepted);
        gate->established(*c, s);
        return c;
    }
    connection_ptr connected(const std::string& headers = "") {
        const auto c = dial();
        say(c, "CONNECT\naccept-version:1.2\n" + headers + "\n");
        answer(answered(204, {{"Ws-User", "alice"}}));
        grant();
        EXPECT_TRUE(last().starts_with("CONNECTED\n")) << last();
        return c;
    }
    void subscribed(const connection_ptr& c, const std::string& destination, const std::string& id,
                    const std::string& more = "") {
        say(c, "SUBSCRIBE\nid:" + id + "\ndestination:" + destination + "\n" + more + "\n");
        answer(answered(204));
        grant();
    }
    void say(const connection_ptr& c, const std::string& frame) { gate->message(*c, true, frame + '\0'); }
    std::string last() const { return s.sent.empty() ? "" : s.sent.back().first; }
    static proto::envelope to(const std::string& destination, const std::string& user = "") {
        proto::envelope e;
        e.to.destinations = {destination};
        if (!user.empty()) {
            e.to.users = {user};
        }
        e.kind = proto::payload_kind::text;
        e.payload = "hi";
        return e;
    }

    fake_session s;
};

TEST_F(GatewayStomp, WhatTheAppAnswersLaterReachesTheSubscriptionToTheApp) {
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:s\ndestination:/app/later\n\n");
    answer(answered(204));
    const std::size_t before = s.sent.size();
    gate->on_push(to("/app/later", "alice"), {16});  // a user's own destinations are none of the app's
    EXPECT_EQ(s.sent.size(), before);
    auto push = to("/app/later");
    push.to.connections = {c->id};
    gate->on_push(push, {17});
    ASSERT_EQ(s.sent.size(), before + 1);
    EXPECT_NE(last().find("\nsubscription:s\n"), std::string::npos) << last();
    EXPECT_NE(last().find("\ndestination:/app/later\n"), std::string::npos) << last();
    push.to.connections = {"another"};
    gate->on_push(push, {18});
    EXPECT_EQ(s.sent.size(), before + 1);
}

TEST_F(GatewayStomp, ADestinationOfTheAppAndTheBrokerIsJoinedAndWhatIsSentToItIsAnEventOfTheRoute) {
    settings.routes[0].stomp.app_prefixes = {"/app", "/topic", "/user"};
    const auto c = connected();
    for (const std::string destination : {"/topic/a", "/user/queue/a"}) {
        say(c, "SUBSCRIBE\nid:" + destination + "\ndestination:" + destination + "\n\n");
        EXPECT_EQ(app.back().request.target, app.front().request.target);
        answer(answered(204));
        grant();
        say(c, "SEND\ndestination:" + destination + "\n\nx");
        EXPECT_EQ(app.back().request.target, app.front().request.target);
        EXPECT_EQ(app.back().request.body, "x");
        answer(answered(204));
    }
    gate->on_push(to("/topic/a"), {16});
    EXPECT_NE(last().find("\nsubscription:/topic/a\n"), std::string::npos) << last();
    gate->on_push(to("/queue/a", "alice"), {17});
    EXPECT_NE(last().find("\nsubscription:/user/queue/a\n"), std::string::npos) << last();
}

TEST_F(GatewayStomp, NothingIsKnownOfAConnectionBeforeItsConnect) {
    const auto c = dial();
    EXPECT_TRUE(app.empty());
    EXPECT_TRUE(enrolled.empty());
    EXPECT_TRUE(gate->enrolled().empty());
    gate->closed(*c, 1001, "", close_cause::client);
    EXPECT_TRUE(app.empty()) << "no disconnect event for whom the app never heard of";
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayStomp, WhoNeverSaysConnectIsClosedWithAnError) {
    const auto c = dial();
    pass(61s);
    EXPECT_TRUE(last().starts_with("ERROR\n"));
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1002);
}

TEST_F(GatewayStomp, FramesTakeTheirTurnsBehindConnect) {
    const auto c = dial();
    say(c, "CONNECT\naccept-version:1.2\n\n");
    say(c, "SEND\ndestination:/app/x\n\n1");
    ASSERT_EQ(app.size(), 1U);
    answer(answered(204));
    EXPECT_TRUE(app.empty()) << "the registry first";
    grant();
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].request.target, "/app/x");
    EXPECT_EQ(app[0].header("ce-sequence"), "1");
}

TEST_F(GatewayStomp, ThousandsOfFramesInOneMessageNeedNoStack) {
    const auto c = connected();
    std::string many;
    for (int i = 0; i < 20'000; ++i) {
        many += "SEND\ndestination:/topic/x\n\n1\0"s;
    }
    settings.routes[0].stomp.broadcast = true;
    say(c, "SEND\ndestination:/app/slow\n\n1");
    gate->message(*c, true, many);
    EXPECT_TRUE(broadcasts.empty());
    answer(answered(204));
    EXPECT_EQ(broadcasts.size(), 20'000U);
}

TEST_F(GatewayStomp, ACloseWhileTheAppThinksIsADisconnectThatWasNotEstablished) {
    const auto c = dial();
    say(c, "CONNECT\naccept-version:1.2\n\n");
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(app.size(), 1U);
    answer(answered(204));
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.disconnect");
    EXPECT_EQ(app[0].header("ws-reason"), "not_established");
    answer(answered(204));
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayStomp, ARefusedConnectHasNoDisconnectEvent) {
    const auto c = dial();
    say(c, "CONNECT\naccept-version:1.2\n\n");
    answer(answered(403, {{"Content-Type", "text/plain"}}, "no"));
    EXPECT_NE(last().find("message:CONNECT was refused (403)"), std::string::npos) << last();
    ASSERT_EQ(s.closes.size(), 1U);
    gate->closed(*c, 1008, "", close_cause::app);
    EXPECT_TRUE(app.empty());
}

TEST_F(GatewayStomp, ASubscriptionIsRegisteredUnderEveryNameThatFindsIt) {
    const auto c = connected();
    subscribed(c, "/topic/a", "1");
    subscribed(c, "/topic/*", "2");
    say(c, "SUBSCRIBE\nid:3\ndestination:/user/queue/n\n\n");
    answer(answered(204));
    const auto names = enrolled.back().first.names;
    EXPECT_EQ(names, (std::vector<std::string>{"d/topic/a", "p*", "qualice\0/topic/*"s, "qualice\0/topic/a"s,
                                               "qualice\0/user/queue/n"s}));
    EXPECT_TRUE(enrolled.back().first.subscribes);
}

TEST_F(GatewayStomp, WhatComesWhileARegistrationIsUnderWayGoesBehindTheMailbox) {
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:1\ndestination:/user/queue/n\n\n");
    answer(answered(204));
    const auto before = s.sent.size();
    auto live = to("/queue/n", "alice");
    live.payload = "live";
    gate->on_push(live, {0});
    EXPECT_EQ(s.sent.size(), before);
    auto [r, done] = std::move(enrolled.back());
    enrolled.pop_back();
    done({enroll_outcome::done, 1, 1});
    EXPECT_EQ(s.sent.size(), before);
    proto::envelope kept = to("/queue/n");
    kept.to.destinations.clear();
    kept.to.subscriptions = {proto::subscription_name(proto::target_kind::connection, c->id, "/user/queue/n")};
    kept.payload = "kept";
    gate->on_push(kept, {.id = 16, .mailbox = true});
    ASSERT_EQ(s.sent.size(), before + 2);
    EXPECT_NE(s.sent[before].first.find("kept"), std::string::npos);
    EXPECT_NE(s.sent[before + 1].first.find("live"), std::string::npos);
}

TEST_F(GatewayStomp, AKeptPushThatCameLiveBeforeTakesItsPlaceAmongWhatWasKept) {
    for (const std::string ack : {"auto", "client", "client-individual"}) {
        const auto c = connected();
        say(c, "SUBSCRIBE\nid:1\nack:" + ack + "\ndestination:/topic/a\n\n");
        answer(answered(204));
        const auto before = s.sent.size();
        const auto push = [&](const char* text, bool live) {
            proto::envelope e = to("/topic/a");
            e.payload = e.id = ack + text;
            if (!live) {
                e.to.destinations.clear();
                e.to.subscriptions = {proto::subscription_name(proto::target_kind::connection, c->id, "/topic/a")};
            }
            return e;
        };
        settlements.clear();
        gate->on_push(push("2", true), {.id = 130});
        gate->on_push(push("3", true), {.id = 131});
        auto [r, done] = std::move(enrolled.back());
        enrolled.pop_back();
        done({enroll_outcome::done, 1, 1});
        gate->on_push(push("4", true), {.id = 132});
        EXPECT_EQ(s.sent.size(), before);
        for (const auto& [text, id] : {std::pair("1", 133), std::pair("2", 134), std::pair("3", 135)}) {
            gate->on_push(push(text, false), {.id = static_cast<delivery_id>(id), .mailbox = true, .kept = true});
        }
        gate->on_claimed(c->id);
        ASSERT_EQ(s.sent.size(), before + 4) << ack << s.sent[before].first;
        for (std::size_t n = 0; n < 4; ++n) {
            EXPECT_NE(s.sent[before + n].first.find("\n\n" + ack + std::to_string(n + 1)), std::string::npos)
                << s.sent[before + n].first;
        }
        EXPECT_EQ(settlements.size(), 2U) << ack << ": the live copies";
        EXPECT_EQ(c->stomp->unacked.size(), ack == "auto" ? 0U : 4U);
        gate->closed(*c, 1006, "", close_cause::lost);
        EXPECT_EQ(settlements.size(), 6U) << ack;
        answer(answered(204));
    }
}

TEST_F(GatewayStomp, AnUnconfirmedPushIsLostUnderItsSubscriptionsName) {
    const auto c = connected();
    subscribed(c, "/topic/*", "1");
    gate->on_push(to("/topic/a"), {16});
    gate->on_push(to("/topic/b"), {17});
    gate->confirmed(*c, 16);
    ASSERT_EQ(settlements.size(), 1U);
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[1].lost, std::vector<std::string>{"qualice\0/topic/*"s});
}

TEST_F(GatewayStomp, WhoIsNamedAndHasNotSubscribedIsLost) {
    const auto c = connected();
    subscribed(c, "/user/queue/other", "1");
    gate->on_push(to("/queue/n", "alice"), {16});
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].failed, std::vector<std::string>{"qualice\0/user/queue/n"s});
    gate->on_push(to("/topic/none"), {17});
    EXPECT_TRUE(settlements[1].lost.empty()) << "of the broker nobody is expected";
}

TEST_F(GatewayStomp, AnAckSettlesAndAClosedConnectionGivesBackWhatHasNone) {
    const auto c = connected();
    subscribed(c, "/topic/a", "1", "ack:client\n");
    for (delivery_id id = 16; id < 20; ++id) {
        gate->on_push(to("/topic/a"), {id});
    }
    EXPECT_TRUE(settlements.empty());
    const auto second = s.sent[s.sent.size() - 3].first;
    const auto at = second.find("\nack:") + 5;
    say(c, "ACK\nid:" + second.substr(at, second.find('\n', at) - at) + "\n\n");
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[1].reached, 1U);
    say(c, "UNSUBSCRIBE\nid:1\n\n");
    ASSERT_EQ(settlements.size(), 4U);
    EXPECT_EQ(settlements[3].lost, std::vector<std::string>{"qualice\0/topic/a"s});
}

TEST_F(GatewayStomp, SubscriptionsThatComeTogetherAreRegisteredTogether) {
    settings.routes[0].events = {"connect", "message"};
    const auto c = connected();
    const auto before = s.sent.size();
    for (const char* id : {"1", "2", "3"}) {
        say(c, "SUBSCRIBE\nid:"s + id + "\ndestination:/topic/" + id + "\nreceipt:r" + id + "\n\n");
    }
    say(c, "SEND\ndestination:/app/x\n\n1");
    ASSERT_EQ(enrolled.size(), 1U) << "one at a time";
    EXPECT_EQ(enrolled[0].first.names.size(), 2U);
    EXPECT_EQ(s.sent.size(), before);
    grant();
    ASSERT_EQ(enrolled.size(), 1U);
    EXPECT_EQ(enrolled[0].first.names.size(), 6U) << "what came meanwhile, all at once";
    EXPECT_EQ(s.sent.size(), before + 1);
    EXPECT_TRUE(app.empty()) << "what is no SUBSCRIBE waits until all are known";
    grant();
    EXPECT_EQ(s.sent.size(), before + 3);
    EXPECT_NE(last().find("receipt-id:r3"), std::string::npos);
    EXPECT_EQ(app.size(), 1U);
    EXPECT_TRUE(enrolled.empty());
}

TEST_F(GatewayStomp, WhatIsUnsubscribedBeforeItWasRegisteredIsNot) {
    settings.routes[0].events = {"connect", "message"};
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/1\n\n");
    const auto before = s.sent.size();
    for (int i = 0; i < 100; ++i) {
        say(c, "SUBSCRIBE\nid:2\ndestination:/topic/2\nreceipt:a\n\n");
        gate->on_push(to("/topic/2"), {static_cast<delivery_id>(16 + i)});
        say(c, "UNSUBSCRIBE\nid:2\nreceipt:b\n\n");
    }
    EXPECT_EQ(s.sent.size(), before + 200) << "both are answered";
    EXPECT_EQ(settlements.size(), 100U) << "and what was held for it is given back";
    EXPECT_EQ(settlements[0].lost, std::vector<std::string>{"qualice\0/topic/2"s});
    grant();
    EXPECT_TRUE(enrolled.empty());
    gate->closed(*c, 1000, "", close_cause::client);
    EXPECT_EQ(numbers.stomp_subscriptions.value(), 0);
}

TEST_F(GatewayStomp, ManyNamesAreRegisteredSeldom) {
    settings.routes[0].events = {"connect", "message"};
    const auto c = connected();
    for (int i = 0; i < 500; ++i) {
        say(c, "SUBSCRIBE\nid:" + std::to_string(i) + "\ndestination:/topic/" + std::to_string(i) + "\n\n");
    }
    grant();
    grant();
    pass(1s);
    int registrations = 0;
    for (int i = 0; i < 1000; ++i) {
        say(c, "SUBSCRIBE\nid:x\ndestination:/topic/x" + std::to_string(i) + "\n\n");
        if (!enrolled.empty()) {
            ++registrations;
            grant();
        }
        pass(10ms);
        if (!enrolled.empty()) {
            ++registrations;
            grant();
        }
        say(c, "UNSUBSCRIBE\nid:x\n\n");
    }
    EXPECT_GT(registrations, 5);
    EXPECT_LT(registrations, 25) << "in ten seconds and more; each names 1002";
}

TEST_F(GatewayStomp, SubscriptionsAboveTheRateWait) {
    settings.routes[0].events = {"connect", "message"};
    settings.routes[0].limits.subscriptions = 10;
    settings.routes[0].limits.subscriptions_per_second = 5;
    const auto c = connected();
    const auto before = s.sent.size();
    for (int i = 0; i < 15; ++i) {  // the SUBSCRIBE's receipt comes with the UNSUBSCRIBE's, for the registry is not heard of
        say(c, "SUBSCRIBE\nid:1\ndestination:/topic/1\nreceipt:a\n\n");
        say(c, "UNSUBSCRIBE\nid:1\nreceipt:b\n\n");
    }
    say(c, "SEND\ndestination:/app/x\n\n1");
    EXPECT_EQ(s.sent.size(), before + 10) << "the first ones need not";
    EXPECT_TRUE(s.paused) << "and TCP tells the client";
    pass(2100ms);
    EXPECT_EQ(s.sent.size(), before + 20);
    EXPECT_TRUE(app.empty()) << "order holds";
    pass(2100ms);
    EXPECT_EQ(s.sent.size(), before + 30);
    EXPECT_EQ(app.size(), 1U);
    EXPECT_FALSE(s.paused);
    EXPECT_GE(numbers.limit_hits.at({"limits.subscriptions_per_second"}), 1);
}

TEST_F(GatewayStomp, AClientThatGoesWhileItWaitsHasItsDisconnectEvent) {
    settings.routes[0].events = {"connect", "message", "disconnect"};
    settings.routes[0].limits.subscriptions = 1;
    settings.routes[0].limits.subscriptions_per_second = 1;
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/1\n\n");
    say(c, "UNSUBSCRIBE\nid:1\n\n");
    say(c, "SEND\ndestination:/app/x\n\n1");
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.message") << "what it sent before";
    answer(answered(204));
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.disconnect");
    answer(answered(204));
    EXPECT_EQ(gate->unfinished(), 0U);
}

TEST_F(GatewayStomp, SubscriptionsAndPatternsHaveABound) {
    settings.routes[0].events = {"connect", "message"};
    settings.routes[0].limits.subscriptions = 3;
    settings.routes[0].limits.patterns = 2;
    const auto refused = [&](const std::vector<std::string>& destinations) {
        const auto c = connected();
        for (std::size_t i = 0; i < destinations.size(); ++i) {
            say(c, "SUBSCRIBE\nid:" + std::to_string(i) + "\ndestination:" + destinations[i] + "\n\n");
            pass(1s);  // not too many a second
            while (!enrolled.empty()) {
                grant();
            }
        }
        const bool failed = last().starts_with("ERROR\n");
        gate->closed(*c, 1000, "", close_cause::client);
        app.clear();
        s = {};
        return failed;
    };
    EXPECT_FALSE(refused({"/topic/a", "/topic/b", "/topic/c"}));
    EXPECT_TRUE(refused({"/topic/a", "/topic/b", "/topic/c", "/topic/d"}));
    EXPECT_FALSE(refused({"/topic/a*", "/topic/b*", "/topic/c"}));
    EXPECT_TRUE(refused({"/topic/a*", "/topic/b*", "/topic/c*"}));
    EXPECT_TRUE(refused({"/topic/*" + std::string(30, 'a') + "*"})) << "a costly one is several";
    EXPECT_EQ(numbers.limit_hits.at({"limits.patterns"}), 2);
    EXPECT_EQ(numbers.limit_hits.at({"limits.subscriptions"}), 1);
    settings.routes[0].stomp.patterns = false;
    EXPECT_TRUE(refused({"/topic/secre?"}));
    EXPECT_FALSE(refused({"/topic/secret"}));
}

TEST_F(GatewayStomp, TheSubscribeEventSaysThatADestinationIsAPattern) {
    const auto c = connected();
    for (const char* destination : {"/topic/secre?", "/topic/secret"}) {
        say(c, "SUBSCRIBE\nid:"s + destination + "\ndestination:" + destination + "\n\n");
        ASSERT_EQ(app.size(), 1U);
        EXPECT_EQ(app[0].header("ws-pattern"), std::string(destination).ends_with('?') ? "true" : "");
        answer(answered(204));
        grant();
    }
}

TEST_F(GatewayStomp, WhoDoesNotAcknowledgeInTimeIsClosedAndGivesBackWhatItHolds) {
    settings.routes[0].limits.ack_time = 10s;
    const auto c = connected();
    subscribed(c, "/topic/a", "1", "ack:client\n");
    gate->on_push(to("/topic/a"), {16});
    pass(9s);
    gate->on_push(to("/topic/a"), {17});
    EXPECT_TRUE(s.closes.empty());
    const auto first = s.sent[s.sent.size() - 2].first;
    const auto at = first.find("\nack:") + 5;
    say(c, "ACK\nid:" + first.substr(at, first.find('\n', at) - at) + "\n\n");
    ASSERT_EQ(settlements.size(), 1U);
    pass(9s);
    EXPECT_TRUE(s.closes.empty()) << "each has its own time";
    pass(2s);
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1013);
    EXPECT_NE(last().find("ack_time"), std::string::npos);
    ASSERT_EQ(settlements.size(), 2U) << "at once, and not when the socket has ended";
    EXPECT_EQ(settlements[1].lost, std::vector<std::string>{"qualice\0/topic/a"s});
    EXPECT_EQ(numbers.limit_hits.at({"limits.ack_time"}), 1);
}

TEST_F(GatewayStomp, NoTimeForAnAckRunsWhileThisProcessStoodStill) {
    settings.routes[0].limits.ack_time = 10s;
    const auto c = connected();
    subscribed(c, "/topic/a", "1", "ack:client\n");
    gate->on_push(to("/topic/a"), {16});
    time += 60s;  // SIGSTOP: what was due runs now
    for (auto due = std::exchange(waiting, {}); const auto& [when, weak] : due) {
        if (const auto f = weak.lock()) {
            (*f)();
        }
    }
    EXPECT_TRUE(s.closes.empty());
    pass(11s);
    EXPECT_EQ(s.closes.size(), 1U);
}

TEST_F(GatewayStomp, OneClientHoldsAShareOfTheInboxWithoutAcks) {
    settings.routes[0].limits.unacknowledged = 100'000;
    const auto c = connected();
    subscribed(c, "/topic/a", "1", "ack:client-individual\n");
    auto big = to("/topic/a");
    big.payload.assign(60'000, 'x');
    gate->on_push(big, {16});
    EXPECT_TRUE(s.closes.empty());
    gate->on_push(big, {17});
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1013);
    pass(10ms);
    ASSERT_EQ(settlements.size(), 2U);
    EXPECT_EQ(settlements[1].lost, std::vector<std::string>{"qualice\0/topic/a"s});
    EXPECT_EQ(retired, std::vector<std::string>{c->id}) << "the registry first: it would be routed here again";
    gate->on_push(big, {18});
    ASSERT_EQ(settlements.size(), 3U) << "nobody is here for it any more";
    EXPECT_EQ(settlements[2].lost, std::vector<std::string>{"qualice\0/topic/a"s}) << "it was routed before the registry knew";
    EXPECT_EQ(numbers.limit_hits.at({"limits.unacknowledged"}), 1);
    settings.routes[0].limits.unacknowledged = 100'000'000;
    settings.inbox.bytes = 200'000;
    s = {};
    const auto other = connected();
    subscribed(other, "/topic/a", "1", "ack:client\n");
    gate->on_push(big, {20});
    gate->on_push(big, {21});
    EXPECT_EQ(s.closes.size(), 1U) << "nor more than a quarter of it, whatever the route says";
}

TEST_F(GatewayStomp, HeartBeatsAreSentAndExpected) {
    const auto c = connected("heart-beat:1000,2000\n");
    const auto before = s.sent.size();
    for (int i = 0; i < 20; ++i) {
        pass(1s);
        gate->message(*c, true, "\n");
    }
    EXPECT_EQ(s.closes.size(), 0U);
    EXPECT_GE(s.sent.size() - before, 2U);  // of 10 s, which is more than the client's 2 s
    EXPECT_EQ(last(), "\n");
    pass(31s);
    EXPECT_EQ(s.closes.size(), 1U);
}

TEST_F(GatewayStomp, AClientIsNotSilentWhileThisProcessStoodStill) {
    const auto c = connected("heart-beat:1000,0\n");
    time += 60s;  // SIGSTOP: what was due runs now
    for (auto due = std::exchange(waiting, {}); const auto& [at, weak] : due) {
        if (const auto f = weak.lock()) {
            (*f)();
        }
    }
    EXPECT_EQ(s.closes.size(), 0U);
    pass(31s);
    EXPECT_EQ(s.closes.size(), 1U) << "and now it is";
}

TEST_F(GatewayStomp, AnAnswerToADestinationThatIsNoTextIsABadAnswer) {
    const auto c = connected();
    say(c, "SEND\ndestination:/app/x\n\n1");
    answer(answered(200, {{"Ws-Destination", "/topic/%FF"}, {"Content-Type", "text/plain"}}, "hi"));
    EXPECT_TRUE(broadcasts.empty());
    EXPECT_EQ(numbers.bad_answers.at({"bad_answer", "bad_destination"}), 1);
}

TEST_F(GatewayStomp, ALoginThatIsGoneIsAnErrorAndItsOwnClose) {
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n");
    answer(answered(401));
    EXPECT_TRUE(last().starts_with("ERROR\n"));
    EXPECT_NE(last().find("receipt-id:r\n"), std::string::npos);
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 4401);
}

TEST_F(GatewayStomp, TheAppsRefusalSaysWhatTheErrorHolds) {
    const app_answer no = answered(
        403,
        {{"stomp-message", "not%20you"}, {"stomp-code", "42"}, {"stomp-receipt-id", "forged"}, {"Content-Type", "text/html"}},
        "<b>no</b>");
    const std::string words = "ERROR\nmessage:not you\n";
    const std::string rest = "code:42\ncontent-type:text/html\ncontent-length:9\n\n<b>no</b>"s + '\0';

    say(dial(), "CONNECT\naccept-version:1.2\n\n");
    answer(no);
    EXPECT_EQ(last(), words + rest);

    say(connected(), "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:r\n\n");
    answer(no);
    EXPECT_EQ(last(), words + "receipt-id:r\n" + rest);

    say(connected(), "SEND\ndestination:/app/x\nreceipt:r\n\n1");
    answer(no);
    EXPECT_EQ(last(), words + "receipt-id:r\n" + rest);

    say(connected(), "SEND\ndestination:/app/x\n\n1");
    const auto before = s.sent.size();
    answer(no);
    EXPECT_EQ(s.sent.size(), before) << "on_reject is keep";

    settings.routes[0].on_reject = "close";
    say(connected(), "SEND\ndestination:/app/x\n\n1");
    answer(no);
    EXPECT_EQ(last(), words + rest);
    EXPECT_EQ(s.closes.back().first, 1008);

    say(connected(), "SEND\ndestination:/app/x\n\n1");
    answer(answered(500, {{"stomp-message", "trace"}}, "at com.example.Secret"));
    EXPECT_EQ(last().find("trace"), std::string::npos) << "a failure is no refusal, and its words are for nobody";
    EXPECT_EQ(last().find("Secret"), std::string::npos);

    say(connected(), "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n");
    answer(answered(401, {{"stomp-message", "expired"}}));
    EXPECT_NE(last().find("message:expired\n"), std::string::npos);
    EXPECT_EQ(s.closes.back().first, 4401);
}

TEST_F(GatewayStomp, AnAppThatDoesNotTakeASubscriptionInTimeEndsTheConnection) {
    const auto c = connected();
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/a\n\n");
    while (!app.empty()) {
        answer(answered(503));
        pass(6s);
    }
    EXPECT_TRUE(last().starts_with("ERROR\n"));
    ASSERT_EQ(s.closes.size(), 1U);
    EXPECT_EQ(s.closes[0].first, 1013);
    EXPECT_EQ(numbers.undelivered[undelivered_reason::app_deadline], 1);
}

TEST_F(GatewayStomp, ARepeatedSubscribeIsNothingAsInSpring) {
    const auto c = connected();
    subscribed(c, "/topic/a", "1");
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:again\n\n");
    EXPECT_EQ(last(), "RECEIPT\nreceipt-id:again\n\n\0"s);
    say(c, "SUBSCRIBE\nid:1\ndestination:/topic/b\nreceipt:other\n\n");
    EXPECT_EQ(last(), "RECEIPT\nreceipt-id:other\n\n\0"s);
    EXPECT_TRUE(app.empty()) << "no subscribe event";
    EXPECT_TRUE(s.closes.empty());
    const auto before = s.sent.size();
    gate->on_push(to("/topic/a"), {});
    gate->on_push(to("/topic/b"), {});
    EXPECT_EQ(s.sent.size(), before + 1) << "the first stands";
}

TEST_F(GatewayStomp, WhoSaidDisconnectIsNotLostWhateverHisSocketDoes) {
    const auto c = connected();
    say(c, "SEND\ndestination:/app/x\n\n1");
    say(c, "DISCONNECT\n\n");
    gate->closed(*c, 1006, "", close_cause::lost);
    answer(answered(204));
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app[0].header("ce-type"), "wsidecar.disconnect");
    EXPECT_EQ(app[0].header("ws-close-code"), "1000");
}

TEST_F(GatewayStomp, AFencedInstanceClosesAndSendsNoEvents) {
    const auto c = connected();
    gate->on_registered(c->id, registered::yes);
    gate->on_fenced(ends_told::yes);
    ASSERT_EQ(s.closes.size(), 1U);
    gate->closed(*c, 1012, "", close_cause::app);
    EXPECT_TRUE(app.empty());
}

TEST_F(GatewayStomp, TransactionsOfAConnectionHoldOneMebibyteWithAllThatIsKept) {
    const auto c = connected();
    std::string headers;
    for (int i = 0; i < 60; ++i) {
        headers += std::to_string(i) + ":" + std::string(900, 'x') + "\n";
    }
    int taken = 0;
    for (int t = 0; t < 4; ++t) {
        const std::string name = "t" + std::to_string(t);
        say(c, "BEGIN\ntransaction:" + name + "\n\n");
        for (int i = 0; i < 10 && s.closes.empty(); ++i, ++taken) {
            say(c, "SEND\ndestination:/app/x\ntransaction:" + name + "\n" + headers + "\n");
        }
    }
    EXPECT_NE(last().find("ERROR\n"), std::string::npos) << taken;
    EXPECT_LE(taken, 20) << "headers count, and all transactions together";
    EXPECT_LT(c->held_bytes(), 4096U) << "what was begun is given back with the ERROR";
    EXPECT_EQ(numbers.limit_hits.at({"stomp.transactions"}), 1);
}

TEST_F(GatewayStomp, ATransactionThatEndsGivesBackWhatItHeld) {
    const auto c = connected();
    for (int i = 0; i < 50; ++i) {
        say(c, "BEGIN\ntransaction:t\n\n");
        say(c, "SEND\ndestination:/app/x\ntransaction:t\n\n" + std::string(50'000, 'x'));
        EXPECT_GT(c->held_bytes(), 50'000U);
        say(c, "ABORT\ntransaction:t\n\n");
        EXPECT_EQ(c->held_bytes(), 0U);
    }
    EXPECT_FALSE(last().starts_with("ERROR"));
}

TEST_F(GatewayStomp, ATransactionOrAFrameThatDoesNotEndIsAnError) {
    settings.routes[0].limits.message_time = 5s;
    const auto c = connected();
    say(c, "BEGIN\ntransaction:t\n\n");
    pass(4s);
    say(c, "ABORT\ntransaction:t\n\n");
    pass(4s);
    EXPECT_FALSE(last().starts_with("ERROR"));
    gate->message(*c, true, "SEND\ndestination:/app/x\n\nbegun");
    pass(4s);
    EXPECT_FALSE(last().starts_with("ERROR"));
    pass(2s);
    EXPECT_TRUE(last().starts_with("ERROR")) << last();
    EXPECT_EQ(numbers.stomp_errors.at({"message_time"}), 1);
}

}  // namespace
}  // namespace wsidecar::core
