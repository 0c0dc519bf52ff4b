#include "sidecar/core/metrics.hpp"

#include <gtest/gtest.h>

#include <set>

namespace wsidecar::core {
namespace {

TEST(Metrics, AReferenceToASampleStaysValidWhileOthersAreAdded) {
    family f(metric_kind::counter, "x_total", "x", {"reason"});
    double& a = f.at({"a"});
    for (int i = 0; i < 1000; ++i) {
        f.at({std::to_string(i)}) += 1;
    }
    a += 2;
    EXPECT_EQ(f.at({"a"}), 2);
    EXPECT_EQ(f.total(), 1002);
}

TEST(Metrics, AFamilyHasNoMoreSamplesThanItsBoundWhateverLabelsCome) {
    family f(metric_kind::counter, "x_total", "x", {"code", "reason"});
    for (int i = 0; i < 5000; ++i) {
        f.at({std::to_string(i), "peer"}) += 1;
    }
    EXPECT_EQ(f.samples().size(), family::samples_at_most + 1);
    EXPECT_EQ(f.total(), 5000);
    EXPECT_EQ(f.at({"other", "other"}), 5000.0 - static_cast<double>(family::samples_at_most));
}

TEST(Metrics, LabelsThatPeersChooseAreOfAClosedSet) {
    std::set<std::string_view> codes;
    std::set<std::string_view> statuses;
    for (unsigned n = 0; n < 65536; ++n) {
        codes.insert(close_label(static_cast<std::uint16_t>(n)));
        statuses.insert(status_label(n));
    }
    EXPECT_LT(codes.size(), 30U);
    EXPECT_LT(statuses.size(), 65U);
    EXPECT_EQ(close_label(1000), "1000");
    EXPECT_EQ(close_label(1004), "1xxx");
    EXPECT_EQ(close_label(3000), "3xxx");
    EXPECT_EQ(close_label(4401), "4401");
    EXPECT_EQ(close_label(4999), "4xxx");
    EXPECT_EQ(close_label(5000), "other");
    EXPECT_EQ(status_label(404), "404");
    EXPECT_EQ(status_label(299), "2xx");
    EXPECT_EQ(status_label(700), "other");
}

TEST(Metrics, EveryNameIsUniqueAndStartsWithThePrefix) {
    const metrics m;
    std::set<std::string> names;
    for (const auto* f : m.families()) {
        EXPECT_TRUE(names.insert(f->name()).second) << f->name();
        EXPECT_TRUE(f->name().starts_with("wsidecar_")) << f->name();
        EXPECT_FALSE(f->help().empty()) << f->name();
        EXPECT_EQ(f->kind() == metric_kind::counter, f->name().ends_with("_total")) << f->name();
    }
    for (const auto* h : m.histograms()) {
        EXPECT_TRUE(names.insert(h->name()).second) << h->name();
        EXPECT_TRUE(h->name().ends_with("_seconds")) << h->name();
    }
}

TEST(Metrics, EveryLimitBehindAReasonIsThereFromTheStart) {
    metrics m;
    const auto known = m.limit_hits.samples();
    for (const char* reason : {"ack_time",
                               "answer_too_big",
                               "admin_bodies",
                               "admin_connections",
                               "app_deadline",
                               "connections_per_address",
                               "connections_per_user",
                               "first_frame",
                               "frame_too_big",
                               "handshakes_per_address",
                               "handshakes_per_user",
                               "head_too_big",
                               "header_too_long",
                               "mailbox_age",
                               "mailbox_full",
                               "max_connections",
                               "max_header",
                               "memory",
                               "message_time",
                               "message_too_big",
                               "overloaded",
                               "pending_bytes",
                               "queue",
                               "rate",
                               "read_ahead",
                               "slow_consumer",
                               "sockjs_ended",
                               "subscribe_rate",
                               "timeout",
                               "too_many_fragments",
                               "too_many_headers",
                               "too_many_passed",
                               "too_many_patterns",
                               "too_many_pending",
                               "too_many_subscriptions",
                               "transaction_too_big",
                               "unacknowledged",
                               "viewers"}) {
        EXPECT_TRUE(known.contains({std::string(limit_behind(reason))})) << reason;
        m.hit(reason);
    }
    EXPECT_EQ(m.limit_hits.total(), 38);
    EXPECT_EQ(m.limit_hits.at({"limits.queue"}), 2) << "full, and dropped for it";
}

TEST(Metrics, WhatIsNoLimitsFaultCountsNone) {
    metrics m;
    for (const char* reason : {"", "a", "client", "no_connection", "queue_", "zzz"}) {
        m.hit(reason);
        EXPECT_EQ(limit_behind(reason), "") << reason;
    }
    EXPECT_EQ(m.limit_hits.total(), 0);
}

TEST(Metrics, ACloseCodeThatStrangersChooseMakesNoSeries) {
    std::set<std::string> labels;
    for (unsigned code = 0; code < 65536; ++code) {
        labels.emplace(close_label(static_cast<std::uint16_t>(code)));
    }
    EXPECT_LE(labels.size(), 25U);
    EXPECT_EQ(close_label(1000), "1000");
    EXPECT_EQ(close_label(1006), "1006");
    EXPECT_EQ(close_label(4401), "4401");
    EXPECT_EQ(close_label(4321), "4xxx");
    EXPECT_EQ(close_label(3000), "3xxx");
    EXPECT_EQ(close_label(5000), "other");
}

TEST(Metrics, AHistogramSortsObservationsIntoItsBuckets) {
    histogram h("x_seconds", "x");
    h.observe(0.0005);
    h.observe(0.003);
    h.observe(100);
    EXPECT_EQ(h.buckets().front(), 1U);
    EXPECT_EQ(h.buckets()[3], 1U);
    EXPECT_EQ(h.buckets().back(), 1U);
    EXPECT_EQ(h.count(), 3U);
    EXPECT_DOUBLE_EQ(h.sum(), 100.0035);
    EXPECT_DOUBLE_EQ(h.quantile(0.5), 0.005);
}

}  // namespace
}  // namespace wsidecar::core
