#include "sidecar/redis/settlement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(0));

class Settlement : public testing::Test {
protected:
    settlement of(const received_push& p, const core::delivery_outcome& o) { return settlement_of(p, o, metrics, now); }

    static received_push to(std::string name) {
        received_push p;
        p.id = {7, 1};
        p.name = std::move(name);
        return p;
    }

    core::metrics metrics;
    core::delivery_outcome outcome;
};

TEST_F(Settlement, ItSaysWhatBecameOfThePush) {
    EXPECT_EQ(of(to("ualice"), outcome).outcome, push_end::no_connection);
    outcome.dropped = 1;
    outcome.why_dropped = core::undelivered_reason::queue;
    EXPECT_EQ(of(to("ualice"), outcome).reason, core::undelivered_reason::queue);
    outcome.duplicates = 1;
    EXPECT_EQ(of(to("ualice"), outcome).reason, core::undelivered_reason::duplicate);
    outcome.expired = true;
    EXPECT_EQ(of(to("ualice"), outcome).outcome, push_end::expired);
    outcome.reached = 2;
    const auto s = of(to("ualice"), outcome);
    EXPECT_EQ(s.outcome, push_end::delivered);
    std::vector<std::string> words;
    s.append_to(words);
    EXPECT_THAT(words, ElementsAre("7-1", "", "", "", "2", "1", "delivered", "", "", "", ""));
    EXPECT_EQ(words.size(), settlement::words);
}

TEST_F(Settlement, WhatNobodyHasConfirmedIsRoutedAgainByItsName) {
    outcome.lost = {"ualice"};
    EXPECT_EQ(of(to("ualice"), outcome).same, "ualice");
    outcome.failed = {"ualice"};
    const auto s = of(to("ualice"), outcome);
    EXPECT_EQ(s.same, "");
    EXPECT_EQ(s.failed, "ualice") << "that counts as an attempt";
    outcome.reached = 1;
    EXPECT_EQ(of(to("ualice"), outcome).outcome, push_end::delivered) << "one connection of the name is enough";
    EXPECT_EQ(of(to(""), outcome).same, "ualice") << "of several names each counts";
}

TEST_F(Settlement, ARefusalIsSaidWithTheNames) {
    outcome.lost = {"nqualice"};
    EXPECT_EQ(of(to("ualice"), outcome).same, "nqualice");
    EXPECT_EQ(metrics.redelivered.at({"nacked"}), 1);
    EXPECT_EQ(metrics.redelivered.at({"connection_gone"}), 0);
}

TEST_F(Settlement, APushForAConnectionThatHasGoneIsRoutedAgain) {
    auto p = to("ualice");
    p.for_connection = true;
    EXPECT_EQ(of(p, outcome).same, "ualice");
    outcome.expired = true;
    EXPECT_EQ(of(p, outcome).same, "");
}

TEST_F(Settlement, OnlyWhatRedisMustHearIsReported) {
    auto p = to("ualice");
    outcome.reached = 1;
    EXPECT_FALSE(needs_report(p, of(p, outcome)));
    p.callback = "/told";
    EXPECT_TRUE(needs_report(p, of(p, outcome)));
    p.callback.clear();
    p.needs_report = true;
    EXPECT_TRUE(needs_report(p, of(p, outcome)));
    p.needs_report = false;
    outcome.reached = 0;
    outcome.lost = {"ualice"};
    EXPECT_TRUE(needs_report(p, of(p, outcome)));
}

TEST_F(Settlement, ReceiptsOfSingleConnectionsAreLines) {
    auto p = to("");
    p.push_id = "n-1";
    outcome.each.push_back({"c1", "alice", core::delivery_end::delivered, std::nullopt});
    outcome.each.push_back({"c2", "", core::delivery_end::dropped, core::undelivered_reason::queue});
    EXPECT_EQ(of(p, outcome).lines,
              "{\"id\":\"n-1\",\"connection\":\"c1\",\"outcome\":\"delivered\",\"user\":\"alice\",\"time\":\"1970-01-01T00:00:"
              "00.000Z\"}\n"
              "{\"id\":\"n-1\",\"connection\":\"c2\",\"outcome\":\"dropped\",\"reason\":\"queue\",\"time\":\"1970-01-01T00:00:"
              "00.000Z\"}\n");
}

TEST_F(Settlement, AnHeirWhoHasHadAPushSaysNothingOfIt) {
    auto p = to("ualice");
    p.source = push_source::handover;
    p.handover = "pod-1:gtable";
    p.handover_id = {9, 2};
    outcome.reached = 1;
    EXPECT_FALSE(settlement_of_handover(p, outcome, metrics));
    outcome.reached = 0;
    EXPECT_FALSE(settlement_of_handover(p, outcome, metrics)) << "it was not for this one";
    outcome.lost = {"ualice"};
    const auto s = settlement_of_handover(p, outcome, metrics);
    ASSERT_TRUE(s);
    std::vector<std::string> words;
    s->append_to(words);
    EXPECT_THAT(words, ElementsAre("9-2", "h", "ualice", "", "0", "0", "", "", "pod-1:gtable", "", ""));
}

TEST_F(Settlement, AnHeirWhoHasHadAPushSaysSoIfTheAppIsToBeTold) {
    auto p = to("ualice");
    p.source = push_source::handover;
    p.handover = "pod-1:gtable";
    p.handover_id = {9, 2};
    p.callback = "/told";
    outcome.reached = 1;
    const auto s = settlement_of_handover(p, outcome, metrics);
    ASSERT_TRUE(s);
    std::vector<std::string> words;
    s->append_to(words);
    EXPECT_THAT(words, ElementsAre("9-2", "h", "", "", "0", "0", "delivered", "", "pod-1:gtable", "", "/told"));
}

TEST_F(Settlement, AKeptPushIsRoutedAgainOrHasItsReceipt) {
    auto p = to("ualice");
    p.source = push_source::kept;
    auto kept = std::make_shared<kept_push>();
    kept->at = {4, 1};
    kept->envelope = "{}";
    p.kept = kept;
    outcome.reached = 1;
    EXPECT_FALSE(settlement_of_kept(p, outcome, metrics)) << "nobody wants to know";
    outcome.reached = 0;
    auto s = settlement_of_kept(p, outcome, metrics);
    ASSERT_TRUE(s) << "the connection that it was for has gone";
    EXPECT_EQ(s->same, "ualice");
    EXPECT_EQ(s->callback, "ualice");
    EXPECT_THAT(s->lines, HasSubstr(R"("envelope":"{}")"));
    outcome.not_for_it = true;
    kept->receipt = "receipts";
    s = settlement_of_kept(p, outcome, metrics);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->same, "");
    EXPECT_EQ(s->outcome, push_end::none);
}

}  // namespace
}  // namespace wsidecar::redis
