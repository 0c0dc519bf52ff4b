#include "sidecar/redis/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/envelope_signature.hpp"
#include "sidecar/redis/receipt_keys.hpp"
#include "sidecar/redis/target_names.hpp"

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000));

batch of(const std::vector<std::string>& entries, bool returned = false, const bodies& referred = {}) {
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    return build_batch(views, returned, referred, {}, now);
}

TEST(Batch, AnEnvelopeBecomesAPushWithItsTargets) {
    const auto b = of({R"({"to":{"user":["a","b"],"group":"g","alias":"x=1","connection":"c"},"text":"t","id":"1"})"});
    EXPECT_EQ(b.entries, 1U);
    EXPECT_EQ(b.sum.size(), 40U);
    ASSERT_EQ(b.actions.size(), 17U);
    EXPECT_EQ(b.actions[0], "push");
    EXPECT_THAT(b.actions[1], HasSubstr(R"("id":"1")"));
    EXPECT_EQ(b.actions[2], "0");
    EXPECT_EQ(b.actions[9], "") << "for more than one";
    EXPECT_EQ(b.actions[11], "5");
    EXPECT_THAT(std::vector(b.actions.begin() + 12, b.actions.end()), ElementsAre("ua", "ub", "ax=1", "gg", "cc"));
}

TEST(Batch, ARouteMakesNamesOfThatRoute) {
    using namespace std::string_literals;
    const auto names = [](const std::string& entry) {
        const auto b = of({entry});
        return b.actions[0] == "one" ? std::vector{b.actions[1]} : std::vector(b.actions.begin() + 12, b.actions.end());
    };
    EXPECT_THAT(names(R"({"to":{"user":"a","alias":"x=1","group":"g","connection":"c","route":["r","s"]},"text":"t"})"),
                ElementsAre("rr\0ua"s, "rs\0ua"s, "rr\0ax=1"s, "rs\0ax=1"s, "gg", "cc"));
    EXPECT_THAT(names(R"({"to":{"user":"a","route":"r"},"text":"t"})"), ElementsAre("rr\0ua"s));
    EXPECT_THAT(names(R"({"to":{"user":"a"},"except":{"user":"a","route":"r"},"text":"t"})"), ElementsAre("ua"))
        << "but not there";
    // What comes back has the route in its envelope, whether its name has it or not.
    const std::string envelope = R"({"to":{"user":["a","b"],"route":["r"]},"text":"t","id":"1"})";
    for (const auto& name : {"ua"s, "rr\0ua"s}) {
        const auto b = of({returned_entry(1, "7-1", "", name, envelope)}, true);
        EXPECT_THAT(std::vector(b.actions.begin() + 12, b.actions.end()), ElementsAre("rr\0ua"s));
    }
    const auto elsewhere = of({returned_entry(1, "7-1", "", "xua", envelope)}, true);
    EXPECT_EQ(elsewhere.actions.back(), "xrr\0ua"s);
}

/// With push.secret_file and push.require_signature.
batch of_signed(const std::string& entry, bool returned = false) {
    config::config c;
    c.push.secrets = {"s3cret"};
    c.push.require_signature = true;
    return build_batch({entry}, returned, {}, c, now);
}

TEST(Batch, AnEnvelopeWithoutTheSignatureThatItNeedsIsRejected) {
    const std::string plain = R"({"to":{"user":"a"},"text":"t"})";
    EXPECT_THAT(of_signed(plain).rejected, ElementsAre("unsigned"));
    EXPECT_THAT(of_signed(plain).actions[1], HasSubstr("unsigned: an envelope needs a signature"));
    EXPECT_THAT(of_signed(proto::sign_envelope(plain, {"another"})).rejected, ElementsAre("bad_signature"));
    EXPECT_THAT(of_signed("[" + plain + "," + proto::sign_envelope(plain, {"s3cret"}) + "]").actions,
                ElementsAre("reject", testing::_, "one", "ua", testing::_));
    // outbox:returned is a list like others: who can write to Redis can write there.
    EXPECT_THAT(of_signed(plain, true).rejected, ElementsAre("unsigned"));
    EXPECT_THAT(of_signed(returned_entry(1, "7-1", "", "ua", plain), true).rejected, ElementsAre("unsigned"));
}

TEST(Batch, WhatGoesOnIsSignedAsItGoesOn) {
    const auto signed_one = [](const std::string& e) { return proto::sign_envelope(e, {"s3cret"}); };
    const auto fine = [](const std::string& e) { return bool(proto::check_signature(e, {"s3cret"})); };
    const auto made_up = of_signed(signed_one(R"({"to":{"user":"a"},"text":"t"})")).actions;
    ASSERT_EQ(made_up.size(), 3U);
    EXPECT_TRUE(fine(made_up[2])) << "an id was added: " << made_up[2];
    const std::string complete = signed_one(R"({"id":"1","to":{"user":"a"},"text":"t"})");
    EXPECT_THAT(of_signed(complete).actions, ElementsAre("one", "ua", complete));
    const auto push = of_signed(signed_one(R"({"to":{"group":"g"},"text":"t","ttl":5})")).actions;
    EXPECT_TRUE(fine(push[1])) << push[1];
    const auto again = of_signed(returned_entry(1, "7-1", "", "ua", push[1]), true);
    EXPECT_THAT(again.rejected, testing::IsEmpty());
    EXPECT_TRUE(fine(again.actions[1]));
}

TEST(Batch, AllIsOneTargetWhateverElseIsNamed) {
    const auto b = of({R"({"to":{"all":true,"user":"a"},"text":"t"})"});
    EXPECT_EQ(b.actions[11], "1");
    EXPECT_EQ(b.actions[12], "*");
}

TEST(Batch, AnIdAndWithATtlATimeAreMadeUp) {
    const auto b = of({R"({"to":{"user":"a"},"text":"t","ttl":5})"});
    EXPECT_THAT(b.actions[1], HasSubstr(R"("id":")"));
    EXPECT_THAT(b.actions[1], HasSubstr(R"("time":"2026-11-18T)"));
    const auto plain = of({R"({"to":{"user":"a"},"text":"t"})"}).actions;
    ASSERT_EQ(plain.size(), 3U);
    EXPECT_EQ(plain[0], "one");
    EXPECT_EQ(plain[1], "ua");
    EXPECT_THAT(plain[2], testing::AllOf(HasSubstr(R"("id":")"), testing::Not(HasSubstr("time"))));
}

TEST(Batch, AnEnvelopeForOneNameThatHasItsIdTravelsAsItWasWritten) {
    const std::string first = R"({ "id":"1", "to":{"user":"a"}, "json":{"a": 1} })";
    const std::string second = R"({"id":"2","to":{"user":"b"},"binary":"AAA="})";
    EXPECT_THAT(of({first}).actions, ElementsAre("one", "ua", first));
    EXPECT_THAT(of({"[" + first + ", " + second + "]"}).actions, ElementsAre("one", "ua", first, "one", "ub", second));
}

TEST(Batch, APayloadWithWhatTheScriptsLookForIsEscaped) {
    const auto actions = of({R"({"id":"1","to":{"user":"a"},"json":{"callback":"x","receipt":"y"}})"}).actions;
    ASSERT_EQ(actions.size(), 3U);
    EXPECT_THAT(actions[2], testing::Not(testing::AnyOf(HasSubstr(R"("callback")"), HasSubstr(R"("receipt")"))));
}

TEST(Batch, ABadElementIsRejectedBetweenItsNeighbours) {
    const auto b = of({R"([{"to":{"user":"a"},"text":"1"},{"to":{}},{"to":{"user":"a"},"text":"2","receipt":"elsewhere"}])"});
    EXPECT_THAT(b.rejected, ElementsAre("no_target", "bad_receipt"));
    ASSERT_EQ(b.rejected_told.size(), 2U);
    EXPECT_EQ(b.rejected_told[0].words, "no_target: an envelope needs `to`");
    EXPECT_EQ(b.actions[0], "one");
    EXPECT_EQ(b.actions[3], "reject");
    EXPECT_THAT(b.actions[4], StartsWith(R"({"reason":"no_target)"));
    EXPECT_EQ(b.actions[5], "reject");
    EXPECT_THAT(b.actions[6], StartsWith(R"({"reason":"bad_receipt)"));
}

TEST(Batch, EachActionHasTheIdOfItsPush) {
    const auto b =
        of({R"([{"to":{"user":"a"},"text":"1","id":"one"},{"to":{}},{"to":{"group":"g"},"text":"2","id":"push"}])",
            R"({"to":{"user":"a"},"text":"3","id":"late","time":"2026-01-01T00:00:00Z","ttl":1,"receipt":"wsidecar:r"})",
            R"({"to":{"user":"a"},"text":"4","id":"elsewhere","receipt":"r"})"});
    EXPECT_THAT(b.ids, ElementsAre("one", "", "push", "", "")) << "one, reject, push, note, reject";
    ASSERT_EQ(b.ended_here.size(), 2U);
    EXPECT_EQ(b.ended_here[0].id, "late");
    EXPECT_EQ(b.ended_here[0].target, "ua");
    EXPECT_STREQ(b.ended_here[0].outcome, "expired");
    EXPECT_EQ(b.ended_here[1].id, "elsewhere");
    EXPECT_STREQ(b.ended_here[1].reason, "bad_receipt");
}

TEST(Batch, MailboxReceiptAndTheOneNameItIsForAreTold) {
    const auto b = of({R"({"to":{"alias":"id=7"},"text":"t","id":"1","mailbox":true,"receipt":"wsidecar:r","ttl":10})"});
    EXPECT_THAT(std::vector(b.actions.begin() + 4, b.actions.end()),
                ElementsAre("", "wsidecar:r", "1", "1795000010000", "m", "aid=7", "", "1", "aid=7"));
}

TEST(Batch, WhoIsExceptedByNameIsNoTarget) {
    const auto b = of({R"({"to":{"user":["a","b"]},"except":{"user":"b"},"text":"t"})"});
    EXPECT_THAT(std::vector(b.actions.begin(), b.actions.begin() + 2), ElementsAre("one", "ua"));
}

TEST(Batch, AReturnedEntryKeepsItsAttemptsItsPlaceAndWhomItHasNotReached) {
    const std::string e = R"({"to":{"group":"g"},"text":"t","id":"1"})";
    const auto b = of({returned_entry(2, "17-3", "9-1", "ualice\nax=1", e)}, true);
    EXPECT_EQ(b.actions[0], "push");
    EXPECT_EQ(b.actions[2], "2");
    EXPECT_EQ(b.actions[3], "17-3");
    EXPECT_EQ(b.actions[4], "9-1");
    EXPECT_THAT(std::vector(b.actions.begin() + 11, b.actions.end()), ElementsAre("2", "ualice", "ax=1"));
    EXPECT_EQ(of({returned_entry(2, "17-3", "", "", e)}).actions[0], "reject") << "in the outbox itself that is no envelope";
    EXPECT_EQ(of({e}, true).actions[2], "0") << "an operator may put an envelope there";
}

TEST(Batch, AnEntryMayReferToAnEnvelopeThatSeveralShare) {
    const std::string shared = R"({"to":{"group":["g"]},"text":"t","id":"1"})";
    const auto b = of({returned_entry(1, "17-3", "", "ualice", "@5-1")}, true, {{"5-1", shared}});
    EXPECT_THAT(b.actions,
                ElementsAre("push", "@5-1", "1", "17-3", "", "", "1", "", "", "ualice", "", "1", "ualice", "done", "5-1"));
    EXPECT_THAT(of({returned_entry(1, "17-3", "", "ualice", "@5-1")}, true).rejected, ElementsAre("envelope_gone"));
}

TEST(Batch, AnAliasThatStandsForAMemberOfAGroupIsNamedSo) {
    const auto b = of({returned_entry(1, "17-3", "", "morder=7", R"({"to":{"group":"g"},"text":"t","id":"1"})")}, true);
    EXPECT_EQ(b.actions[9], "morder=7");
    const auto to = narrowed({{}, {}, {"g"}}, "morder=7");
    EXPECT_TRUE(to.members_only);
    EXPECT_THAT(to.aliases, ElementsAre("order=7"));
    EXPECT_THAT(to.groups, ElementsAre("g"));
}

TEST(Batch, NoMoreNamesThanOneCommitLooksUpAreInOneBatch) {
    const auto users = [](std::size_t n) {
        std::string names;
        for (std::size_t i = 0; i < n; ++i) {
            names += (i == 0 ? "\"u" : ",\"u") + std::to_string(i) + '"';
        }
        return R"({"to":{"user":[)" + names + R"(]},"text":"t","id":"1","receipt":"wsidecar:r"})";
    };
    EXPECT_EQ(of({users(targets_at_once - 1), users(2)}).entries, 1U) << "the second is the next batch's";
    EXPECT_EQ(of({users(targets_at_once - 2), users(2)}).entries, 2U);
    const auto b = of({users(targets_at_once + 1), users(1)});
    EXPECT_EQ(b.entries, 1U);
    EXPECT_TRUE(b.actions.empty());
    ASSERT_EQ(b.division.size(), 5U + 2 * 3) << "attempts, order, tally, body, its id, then names and envelope of each part";
    EXPECT_EQ(b.division[2], "new") << "one receipt for all parts";
    EXPECT_THAT(b.division[3], testing::Not(HasSubstr("u0"))) << "the names are with the parts";
    EXPECT_EQ(b.division[6], "") << "all parts share the envelope";
}

TEST(Batch, AnArrayOfManyIsDividedAsItWasWritten) {
    std::string all;
    for (std::size_t i = 0; i <= targets_at_once; ++i) {
        all += (i == 0 ? "" : ",") + (R"({"to":{"user":"a"},"text":")" + std::to_string(i) + "\"}");
    }
    const auto b = of({'[' + all + ']'});
    ASSERT_EQ(b.division.size(), 5U + 2 * 2);
    EXPECT_EQ(b.division[0], "a0") << "as an app wrote it: no member of ours counts";
    EXPECT_EQ(b.division[8], R"([{"to":{"user":"a"},"text":")" + std::to_string(targets_at_once) + "\"}]");
    EXPECT_EQ(of({"a0\r\r\r\r" + b.division[8]}, true).actions[0], "one");
}

TEST(Batch, WhatComesBackTooOftenIsRejectedAndReceipted) {
    const auto b =
        of({returned_entry(max_attempts, "1-1", "", "", R"({"to":{"user":"a"},"text":"t","id":"1","receipt":"wsidecar:r"})")},
           true);
    EXPECT_THAT(b.rejected, ElementsAre("attempts"));
    EXPECT_THAT(std::vector(b.actions.begin() + 2, b.actions.end()),
                ElementsAre("note", "wsidecar:r", "1", "ua", "dropped", "attempts", "", "1-1"));
}

TEST(Batch, WhatIsTooLateIsNotedAndNotRouted) {
    const auto b =
        of({R"({"to":{"user":"a"},"text":"t","id":"1","ttl":5,"time":"2020-01-01T00:00:00Z","receipt":"wsidecar:r"})"});
    EXPECT_EQ(b.expired, 1U);
    EXPECT_THAT(b.actions, ElementsAre("note", "wsidecar:r", "1", "ua", "expired", "", "", ""));
}

TEST(Batch, ReceiptsGoToNoKeyOfWsidecarsOwn) {
    config::config c;
    EXPECT_TRUE(may_hold_receipts("wsidecar:receipts:7", c));
    EXPECT_FALSE(may_hold_receipts("other:receipts", c));
    for (const char* key : {"wsidecar:", "wsidecar:outbox", "wsidecar:outbox:returned", "wsidecar:rejected", "wsidecar:conn:1",
                            "wsidecar:inbox:pod-1", "wsidecar:mailboxes", "wsidecar:mailbox:user:a", "wsidecar:presence:a"}) {
        EXPECT_FALSE(may_hold_receipts(key, c)) << key;
    }
    c.outbox.receipt_prefix = "app:";
    EXPECT_TRUE(may_hold_receipts("app:outcomes", c));
}

TEST(Batch, EntriesThatDifferHaveAnotherSum) {
    EXPECT_EQ(of({"a", "b"}).sum, of({"a", "b"}).sum);
    EXPECT_NE(of({"a", "b"}).sum, of({"b", "a"}).sum);
    EXPECT_NE(of({"a", "b"}).sum, of({"ab"}).sum);
    EXPECT_EQ(of({"a", "b"}).sum, "95253b90414f24c679779b57f9eb73d08de34a87") << "SHA-1 of 1:a1:b";
}

}  // namespace
}  // namespace wsidecar::redis
