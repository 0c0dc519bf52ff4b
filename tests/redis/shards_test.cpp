#include "sidecar/redis/shards.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/resp.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/courier.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr shard_number here{0, 16};

TEST(Shards, TheFirstHasThePrefixOfTheServiceAndTheOthersTheirNumberInItsHashTag) {
    EXPECT_EQ(shard_prefix("{orders}:", 0), "{orders}:");
    EXPECT_EQ(shard_prefix("{orders}:", 7), "{orders:07}:");
    EXPECT_EQ(shard_prefix("shop{orders}.x:", 15), "shop{orders:15}.x:");
}

TEST(Shards, ANameIsWhereItsAddressIs) {
    for (const auto& [name, address] : {std::pair{"ualice"s, "user:alice"s},
                                        {"aid=1"s, "alias:id=1"s},
                                        {"mid=1\0x=2"s, "alias:id=1"s},
                                        {"gtable-7"s, "group:table-7"s},
                                        {"cc1"s, "connection:c1"s},
                                        {"d/topic/x"s, "destination:/topic/x"s},
                                        {"qualice\0/user/queue/x"s, "user:alice"s},
                                        {"nualice\0/user/queue/x"s, "user:alice"s},
                                        {"kualice"s, "user:alice"s},
                                        {"xualice"s, "user:alice"s},
                                        {"rnotices\0ualice"s, "user:alice"s}}) {
        EXPECT_EQ(shard_of(name, here), proto::key_slot(address) % 16) << name;
        EXPECT_EQ(shard_of(name, {3, 16}), shard_of(name, here)) << "whoever asks";
        EXPECT_EQ(shard_of(name, {}), 0U) << "there is one only";
    }
    EXPECT_EQ(shard_of("*", {5, 16}), 0U);
    EXPECT_EQ(shard_of("ccanary:pod-1", {5, 16}), 5U);
    EXPECT_EQ(shard_of("p*", {5, 16}), 5U);
}

core::registration alice() {
    core::registration r;
    r.connection = "c1";
    r.user = "alice";
    r.aliases = {"id=1"};
    r.groups = {"g1", "g2", "g3"};
    return r;
}

TEST(Shards, AConnectionIsKnownWhereItsNamesAre) {
    const auto r = alice();
    std::uint64_t wanted = 1;  // all
    for (const auto* name : {"cc1", "ualice", "aid=1", "gg1", "gg2", "gg3"}) {
        wanted |= 1ULL << shard_of(name, here);
    }
    EXPECT_EQ(shards_of(r, 16), wanted);
    core::registration nobody;
    nobody.connection = "c1";
    EXPECT_EQ(shards_of(nobody, 16), 1ULL << shard_of("cc1", here));
    nobody.names = {"p*"};
    EXPECT_EQ(shards_of(nobody, 16), 0xFFFFU) << "a pattern may match any destination";
    EXPECT_EQ(shards_of(nobody, 64), ~0ULL);
}

TEST(Shards, EachIsToldWhoItIsAndItsOwnCrowds) {
    auto r = alice();
    r.names = {"d/topic/x", "qualice\0/topic/x"s};
    for (unsigned n = 0; n < 16; ++n) {
        const auto part = part_of(r, {n, 16});
        EXPECT_EQ(part.user, "alice");
        EXPECT_EQ(part.aliases, r.aliases);
        EXPECT_THAT(part.groups, testing::Each(testing::Truly([&](const auto& g) { return shard_of('g' + g, here) == n; })));
        EXPECT_EQ(part.names.size(), shard_of("d/topic/x", here) == n ? 2U : 1U) << "its subscriptions say who it is";
    }
    EXPECT_EQ(part_of(r, {}).groups, r.groups);
}

batch of(const std::string& entry, bool returned = false, shard_number at = here,
         config::choice<config::receipt_kind> receipts = "summary") {
    config::config c;
    c.prefix = "{w}:";
    c.shards = at.count;
    c.outbox.receipts = receipts;
    return build_batch({entry}, returned, {}, c, std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000)),
                       at);
}

/// A user of this shard.
std::string user_in(unsigned shard) {
    for (int i = 0;; ++i) {
        if (const auto name = "u" + std::to_string(i); shard_of('u' + name, here) == shard) {
            return name;
        }
    }
}

TEST(SplitBatch, WhatIsForThisShardStaysAsItIs) {
    const std::string entry = R"({"to":{"user":")" + user_in(0) + R"("},"text":"x","id":"1"})";
    EXPECT_THAT(of(entry).actions, ElementsAre("one", 'u' + user_in(0), entry));
    EXPECT_THAT(of(R"({"to":{"user":")" + user_in(5) + R"("},"text":"x","id":"1"})", false, {}).actions[0], "one")
        << "there is one shard";
}

TEST(SplitBatch, WhatIsForOneOtherGoesThereAsItIs) {
    const std::string entry = R"({"to":{"user":")" + user_in(5) + R"("},"text":"x","id":"1"})";
    const auto b = of(entry);
    EXPECT_THAT(b.actions, ElementsAre("send", "5", "p0\r\r\r\r" + entry));
    EXPECT_EQ(b.sent, 1U);
    EXPECT_THAT(b.ids, ElementsAre("1"));
    // And there it is one of its own.
    const auto there = of(b.actions[2].substr(1), true, {5, 16});
    EXPECT_EQ(there.actions[0], "one");
    EXPECT_EQ(there.actions[1], 'u' + user_in(5));
}

TEST(SplitBatch, AnIdIsMadeOnceForAllParts) {
    const auto b =
        of(R"({"to":{"user":[")" + user_in(5) + R"(",")" + user_in(0) + R"(",")" + user_in(9) + R"("]},"text":"x"})");
    ASSERT_EQ(b.actions[0], "send");
    ASSERT_EQ(b.actions[3], "send");
    const auto id_in = [](const std::string& text) { return text.substr(text.find("\"id\":\"") + 6, 32); };
    const auto id = id_in(b.actions[2]);
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id_in(b.actions[5]), id);
    EXPECT_EQ(b.actions[6], "one");
    EXPECT_EQ(b.actions[7], 'u' + user_in(0));
    EXPECT_EQ(id_in(b.actions[8]), id);
    EXPECT_THAT(b.actions[2], HasSubstr('"' + user_in(5) + '"')) << "with its own names only";
    EXPECT_THAT(b.actions[2], Not(HasSubstr('"' + user_in(9) + '"')));
}

TEST(SplitBatch, WhatStaysHasItsOwnNamesOnlyAlsoWhereTheAppGaveTheId) {
    const auto b = of(R"({"to":{"user":[")" + user_in(5) + R"(",")" + user_in(0) + R"("]},"text":"x","id":"1"})");
    ASSERT_EQ(b.actions.size(), 6U);
    EXPECT_EQ(b.actions[3], "one");
    EXPECT_THAT(b.actions[5], Not(HasSubstr('"' + user_in(5) + '"')));
    EXPECT_THAT(b.actions[5], HasSubstr('"' + user_in(0) + '"'));
}

TEST(SplitBatch, OneSummaryForAllParts) {
    const std::string names = "[\"" + user_in(5) + "\",\"" + user_in(0) + "\",\"" + user_in(9) + "\"]";
    const std::string entry = R"({"to":{"user":)" + names + R"(},"text":"x","id":"1","receipt":"{w}:receipts"})";
    const auto b = of(entry);
    ASSERT_EQ(b.actions[0], "tally");
    EXPECT_EQ(b.actions[2], "3");
    EXPECT_EQ(b.actions[3], "{w}:receipts");
    EXPECT_EQ(b.actions[4], "1");
    EXPECT_THAT(b.actions[7], HasSubstr("\r^0." + b.actions[1] + "\r"));
    EXPECT_THAT(b.actions[10], HasSubstr("\r^0." + b.actions[1] + "\r"));
    EXPECT_EQ(b.actions[11], "push");
    EXPECT_EQ(b.actions[15], b.actions[1]) << "the part that stays counts here";
    EXPECT_EQ(of(entry, false, here, "each").actions[0], "send") << "each has its own receipt";
}

TEST(SplitBatch, ABadReceiptIsRejectedOnce) {
    const auto b = of(R"({"to":{"user":")" + user_in(5) + R"("},"text":"x","id":"1","receipt":"elsewhere"})");
    EXPECT_EQ(b.actions[0], "reject");
    EXPECT_THAT(of(R"({"to":{"user":")" + user_in(0) + R"("},"text":"x","receipt":"{w}:shard:came"})").actions[0], "reject");
}

TEST(SplitBatch, WhatComesBackGoesToWhereItsNamesAre) {
    const std::string envelope = R"({"to":{"group":"g"},"text":"x","id":"1"})";
    const std::string names = 'u' + user_in(5) + "\nu" + user_in(0);
    const auto b = of(returned_entry(2, "7-3", "t1", names, envelope), true);
    EXPECT_THAT(std::vector(b.actions.begin(), b.actions.begin() + 2), ElementsAre("more", "t1"));
    EXPECT_THAT(std::vector(b.actions.begin() + 2, b.actions.begin() + 5),
                ElementsAre("send", "5", 'p' + returned_entry(2, "7-100000003", "^0.t1", 'u' + user_in(5), envelope)));
    EXPECT_EQ(b.actions[5], "push");
    EXPECT_EQ(b.actions.back(), 'u' + user_in(0));
    EXPECT_EQ(of(returned_entry(16, "7-3", "", 'u' + user_in(5), envelope), true).actions[0], "reject")
        << "it has failed too often";
}

TEST(Courier, AMarkSaysWhichItemItIs) {
    EXPECT_EQ(courier::mark_of(7, "x"), courier::mark_of(7, "x"));
    EXPECT_NE(courier::mark_of(7, "x"), courier::mark_of(8, "x"));
    EXPECT_NE(courier::mark_of(7, "x"), courier::mark_of(7, "y"));
    EXPECT_EQ(courier::number_in(courier::mark_of(1234567890123, "x")), 1234567890123U);
    EXPECT_EQ(courier::number_in(""), std::nullopt);
}

}  // namespace
}  // namespace wsidecar::redis
