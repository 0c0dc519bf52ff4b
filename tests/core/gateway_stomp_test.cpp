// STOMP in the gateway, with ports that the test plays by hand.

#include "sidecar/core/stomp_client.hpp"
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

TEST_F(GatewayStomp, NothingIsKnownOfAConnectionBeforeItsConnect) {
    const auto c = dial();
    EXPECT_TRUE(app.empty());
    EXPECT_TRUE(enrolled.empty());
    EXPECT_TRUE(gate->enrolled().empty());
    gate->closed(*c, 1001, "", "peer");
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
    gate->closed(*c, 1006, "", "reset");
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
    gate->closed(*c, 1008, "", "app");
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
    kept.to.subscriptions = {proto::subscription_name('c', c->id, "/user/queue/n")};
    kept.payload = "kept";
    gate->on_push(kept, {.id = 16, .mailbox = true});
    ASSERT_EQ(s.sent.size(), before + 2);
    EXPECT_NE(s.sent[before].first.find("kept"), std::string::npos);
    EXPECT_NE(s.sent[before + 1].first.find("live"), std::string::npos);
}

TEST_F(GatewayStomp, AnUnconfirmedPushIsLostUnderItsSubscriptionsName) {
    const auto c = connected();
    subscribed(c, "/topic/*", "1");
    gate->on_push(to("/topic/a"), {16});
    gate->on_push(to("/topic/b"), {17});
    gate->confirmed(*c, 16);
    ASSERT_EQ(settlements.size(), 1U);
    gate->closed(*c, 1006, "", "reset");
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
    EXPECT_EQ(numbers.undelivered.at({"app_deadline"}), 1);
}

TEST_F(GatewayStomp, AFencedInstanceClosesAndSendsNoEvents) {
    const auto c = connected();
    gate->on_registered(c->id, true);
    gate->on_fenced();
    ASSERT_EQ(s.closes.size(), 1U);
    gate->closed(*c, 1012, "", "app");
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
