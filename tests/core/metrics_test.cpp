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
    for (const char* reason : {"admin_bodies",
                               "admin_connections",
                               "app_deadline",
                               "connections_per_address",
                               "connections_per_user",
                               "first_frame",
                               "frame_too_big",
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
                               "timeout",
                               "too_many_fragments",
                               "too_many_headers",
                               "too_many_passed",
                               "too_many_pending",
                               "too_many_subscriptions",
                               "transaction_too_big",
                               "unacknowledged",
                               "viewers"}) {
        EXPECT_TRUE(known.contains({std::string(limit_behind(reason))})) << reason;
        m.hit(reason);
    }
    EXPECT_EQ(m.limit_hits.total(), 31);
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
