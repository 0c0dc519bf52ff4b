// Histories and live pushes in the gateway, with ports that the test plays by hand.

#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {
using namespace std::string_literals;

constexpr place before{900, 1}, joined{1000, 0};

/// As it comes back from an instance whose client had not confirmed it.
push_origin again(delivery_id id) {
    push_origin from{id, true};
    from.at = before;
    return from;
}

proto::envelope with_text(const std::string& text) {
    proto::envelope e;
    e.kind = proto::payload_kind::text;
    e.payload = text;
    e.id = "id of " + text;
    return e;
}

struct GatewayHistory : testing::Test, gateway_house {
    GatewayHistory() { keeps_history = true; }

    connection_ptr begin_with_history(std::uint32_t mailbox = 0) {
        const auto c = begin();
        answer(answered(204, {{"Ws-Alias", "seat=1,order=7"}, {"Ws-Join", "g"}, {"Ws-History", "g=1"}}));
        remember(joined);
        auto [r, done] = std::move(enrolled.back());
        enrolled.pop_back();
        done({enroll_outcome::done, 1, mailbox});
        EXPECT_TRUE(verdict && verdict->accepted);
        gate->established(*c, s);
        return c;
    }
    static proto::envelope to_group(const std::string& text) {
        auto e = with_text(text);
        e.to.groups = {"g"};
        return e;
    }

    fake_session s;
};

TEST_F(GatewayHistory, WhatComesAgainIsGivenThoughItsPlaceIsInTheHistory) {
    const auto c = begin_with_history();
    remember(joined);
    gate->on_push(to_group("missed"), again(16));
    ASSERT_EQ(s.sent.size(), 1U) << "the history was asked for one, and another was the last";
    EXPECT_EQ(s.sent[0].first, "missed");
    gate->confirmed(*c, s.sent[0].second);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 1U);
}

TEST_F(GatewayHistory, WhatComesAgainWhileTheHistoryIsReadIsGiven) {
    const auto c = begin_with_history();
    gate->on_push(to_group("missed"), again(16));
    remember(joined, {{{950, 1}, to_group("last")}});
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "missed");
    EXPECT_EQ(s.sent[1].first, "last");
    EXPECT_TRUE(settlements.empty());
}

TEST_F(GatewayHistory, WhatTheHistoryHasGivenIsNotGivenAgain) {
    const auto c = begin_with_history();
    remember(joined, {{before, to_group("missed")}});
    gate->on_push(to_group("missed"), again(16));
    EXPECT_EQ(s.sent.size(), 1U);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 1U);
}

TEST_F(GatewayHistory, WhatWaitsForTheHistoryIsHeldForTheClient) {
    const auto c = begin_with_history();
    const auto nothing = c->held_bytes();
    gate->on_push(to_group(std::string(100'000, 'x')), again(16));
    EXPECT_GT(c->held_bytes(), nothing + 100'000) << "limits.memory looks at it";
    remember(joined);
    EXPECT_EQ(s.sent.size(), 1U);
    EXPECT_EQ(c->held_bytes(), nothing);
}

/// A push that was kept while its receiver was away.
push_origin kept(delivery_id id) {
    push_origin from{id};
    from.at = before;
    from.mailbox = from.kept = true;
    return from;
}

TEST_F(GatewayHistory, WhatWasKeptIsGivenThoughTheHistoryIsOfTheLastOnesOnly) {
    const auto c = begin_with_history(1);
    gate->on_push(to_group("kept"), kept(16));
    remember(joined, {{{950, 1}, to_group("last")}});
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "kept");
    EXPECT_EQ(s.sent[1].first, "last");
    EXPECT_TRUE(settlements.empty());
}

TEST_F(GatewayHistory, WhatWasKeptAndIsInTheHistoryTooIsConfirmedByTheClient) {
    const auto c = begin_with_history(1);
    remember(joined, {{before, to_group("kept")}});
    gate->on_push(to_group("kept"), kept(16));
    EXPECT_TRUE(settlements.empty()) << "it has not been sent yet";
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 1U);
    gate->closed(*c, 1006, "", close_cause::lost);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 0U);
    EXPECT_FALSE(settlements[0].lost.empty());
}

TEST_F(GatewayHistory, WhatWasKeptIsGivenThoughALiveCopyWasTakenForHistory) {
    const auto c = begin_with_history(1);
    auto live = again(16);  // read late by this instance, whose client has come meanwhile
    live.again = false;
    gate->on_push(to_group("kept"), live);
    remember(joined, {{{950, 1}, to_group("last")}});
    gate->on_push(to_group("kept"), kept(17));
    gate->on_claimed(c->id);
    EXPECT_EQ(s.sent.size(), 2U);
    EXPECT_TRUE(std::any_of(s.sent.begin(), s.sent.end(), [](const auto& f) { return f.first == "kept" && f.second == 17; }));
}

TEST_F(GatewayHistory, TheFirstOfTwoKeptPushesWithOneIdIsGiven) {
    const auto c = begin_with_history(1);
    for (const auto& [id, text] : {std::pair(16, "1"), std::pair(17, "2"), std::pair(18, "again")}) {
        auto from = kept(static_cast<delivery_id>(id));
        from.at = {900, static_cast<std::uint64_t>(id)};
        auto push = to_group(text);
        push.id = id == 17 ? "y" : "x";
        gate->on_push(push, from);
    }
    remember(joined);
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "1");
    EXPECT_EQ(s.sent[1].first, "2");
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].id, 18U);
    EXPECT_EQ(settlements[0].duplicates, 1U);
}

TEST_F(GatewayHistory, WhatWasKeptHasItsPlaceBehindTheHistoryThatCameFirst) {
    const auto c = begin_with_history(1);
    remember(joined, {{before, to_group("older")}});
    auto from = kept(16);
    from.at = {950, 1};
    gate->on_push(to_group("kept"), from);
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "older");
    EXPECT_EQ(s.sent[1].first, "kept");
}

/// From the mailbox of the client's user, to which it was given back.
push_origin from_mailbox(delivery_id id, place at) {
    push_origin from{id, true};
    from.at = at;
    from.mailbox = from.in_order = true;
    return from;
}

TEST_F(GatewayHistory, WhatIsForTheUserAloneGoesBeforeTheHistory) {
    const auto c = begin_with_history(1);
    remember(joined, {{before, to_group("older")}});
    auto from = from_mailbox(16, {950, 1});
    from.in_order = false;
    gate->on_push(to_group("for the user"), from);
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "for the user");
    EXPECT_EQ(s.sent[1].first, "older");
}

TEST_F(GatewayHistory, WhatAMailboxHasForAGroupHasItsPlaceAmongTheHistory) {
    const auto c = begin_with_history(1);
    remember(joined, {{before, to_group("older")}});
    gate->on_push(to_group("from the mailbox"), from_mailbox(16, {950, 1}));
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 2U);
    EXPECT_EQ(s.sent[0].first, "older");
    EXPECT_EQ(s.sent[1].first, "from the mailbox");
}

TEST_F(GatewayHistory, TheRestOfAMailboxStaysBehindWhatHasItsPlaceAmongTheHistory) {
    const auto c = begin_with_history(2);
    remember(joined, {{before, to_group("older")}});
    gate->on_push(to_group("given back"), from_mailbox(16, {950, 1}));
    auto from = from_mailbox(17, {960, 1});
    from.in_order = false;
    gate->on_push(to_group("for the user"), from);
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 3U);
    EXPECT_EQ(s.sent[0].first, "older");
    EXPECT_EQ(s.sent[1].first, "given back");
    EXPECT_EQ(s.sent[2].first, "for the user");
}

TEST_F(GatewayHistory, WhatIsInTheMailboxIsGivenThoughALiveCopyWaitsAndIsTakenForHistory) {
    const auto c = begin_with_history(1);
    auto live = again(16);  // read late by this instance, whose client has come meanwhile
    live.again = false;
    gate->on_push(to_group("missed"), live);
    gate->on_push(to_group("missed"), from_mailbox(17, before));
    remember(joined);
    gate->on_claimed(c->id);
    ASSERT_EQ(s.sent.size(), 1U);
    EXPECT_EQ(s.sent[0].second, 17U);
    gate->confirmed(*c, s.sent[0].second);
    EXPECT_EQ(settlements.back().reached, 1U);
}

TEST_F(GatewayHistory, AMailboxThatIsInTheHistoryTooIsNotWaitedFor) {
    const auto c = begin_with_history(1);
    remember(joined, {{before, to_group("again")}});
    auto from = again(16);
    from.mailbox = true;
    gate->on_push(to_group("again"), from);
    ASSERT_EQ(s.sent.size(), 1U);
    gate->confirmed(*c, s.sent[0].second);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 1U);
}

TEST_F(GatewayHistory, WhatWasPushedBeforeIsTheHistorysAlone) {
    const auto c = begin_with_history();
    remember(joined);
    auto from = again(16);
    from.again = false;
    gate->on_push(to_group("old"), from);
    EXPECT_TRUE(s.sent.empty()) << "it was asked for less";
    EXPECT_EQ(settlements.size(), 1U);
}

struct GatewayStompHistory : testing::Test, gateway_house {
    GatewayStompHistory() {
        keeps_history = true;
        settings.routes[0].protocol = "stomp";
        settings.routes[0].events = {"connect", "disconnect"};
        c = begin();
        gate->established(*c, s);
        say("CONNECT\naccept-version:1.2\n\n");
        answer(answered(204, {{"Ws-User", "alice"}}));
        grant();
        s.sent.clear();
        say("SUBSCRIBE\nid:1\ndestination:/topic/t\nhistory:1\n\n");
        remember(joined);
        grant();
    }
    void say(const std::string& frame) { gate->message(*c, true, frame + '\0'); }
    static proto::envelope to_topic(const std::string& text) {
        auto e = with_text(text);
        e.to.destinations = {"/topic/t"};
        return e;
    }
    static proto::envelope to_her(const std::string& text) {
        auto e = to_topic(text);
        e.to.subscriptions = {"ualice\0/topic/t"s};
        return e;
    }
    std::size_t messages() const {
        return static_cast<std::size_t>(std::count_if(
            s.sent.begin(), s.sent.end(), [](const auto& f) { return f.first.find("MESSAGE\n") != std::string::npos; }));
    }

    fake_session s;
    connection_ptr c;
};

TEST_F(GatewayStompHistory, WhatComesAgainIsGivenThoughItsPlaceIsInTheHistory) {
    remember(joined);
    gate->on_push(to_her("missed"), again(16));
    EXPECT_EQ(messages(), 1U);
    EXPECT_TRUE(settlements.empty());
}

TEST_F(GatewayStompHistory, WhatComesAgainWhileTheHistoryIsReadIsGiven) {
    gate->on_push(to_her("missed"), again(16));
    remember(joined, {{{950, 1}, to_topic("last")}});
    EXPECT_EQ(messages(), 2U);
    EXPECT_TRUE(settlements.empty());
}

TEST_F(GatewayStompHistory, WhatTheHistoryHasGivenIsNotGivenAgain) {
    remember(joined, {{before, to_topic("missed")}});
    gate->on_push(to_her("missed"), again(16));
    EXPECT_EQ(messages(), 1U);
    ASSERT_EQ(settlements.size(), 1U);
    EXPECT_EQ(settlements[0].reached, 1U);
}

}  // namespace
}  // namespace wsidecar::core
