#include "sidecar/core/tracer.hpp"

#include <gtest/gtest.h>

#include "proto/trace/traceparent.hpp"

namespace wsidecar::core {
namespace {

using proto::span_kind;

const std::string yes = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string no = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const tracer::wall_time noon{std::chrono::hours(12)};

struct Tracer : testing::Test {
    metrics numbers;
    tracer spans{numbers};

    span_ptr start(double share, const std::string& parent, std::string& context) {
        config::tracing c;
        c.otlp = "http://127.0.0.1:4318";
        c.sample = share;
        spans.configure(c);
        return spans.start(span_kind::server, parent, "x", noon, context);
    }
};

TEST_F(Tracer, ACallersDecisionStandsWhateverTheShare) {
    std::string context;
    const auto s = start(0, yes, context);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->parent, "00f067aa0ba902b7");
    EXPECT_EQ(s->context, context);
    EXPECT_EQ(context.substr(0, 36), yes.substr(0, 36)) << "the same trace";
    EXPECT_NE(context.substr(36, 16), s->parent) << "a span of its own";
    EXPECT_FALSE(start(1, no, context));
    EXPECT_EQ(context.substr(0, 36), no.substr(0, 36));
    EXPECT_TRUE(context.ends_with("-00"));
}

TEST_F(Tracer, OfWhatStrangersWantRecordedTheShareIsWhateverIdTheyChoose) {
    const std::string chosen = "00-ffffffffffffffffffffffffffffffff-00f067aa0ba902b7-0";
    for (const double share : {0.0, 0.25, 1.0}) {
        config::tracing c;
        c.otlp = "http://127.0.0.1:4318";
        c.sample = share;
        spans.configure(c);
        int sampled = 0;
        constexpr int all = 4000;
        for (int i = 0; i < all; ++i) {
            std::string context;
            const auto s = spans.start_below_stranger(span_kind::server, chosen + (i % 2 == 0 ? '1' : 'b'), "x", noon, context);
            EXPECT_EQ(context.substr(0, 36), chosen.substr(0, 36)) << "the same trace";
            EXPECT_EQ(std::string("1b").find(context.back()) != std::string::npos, s != nullptr) << "and the app is told";
            sampled += s != nullptr;
            EXPECT_FALSE(spans.start_below_stranger(span_kind::server, chosen + '0', "x", noon, context));
        }
        EXPECT_NEAR(sampled, share * all, 250);
    }
}

TEST_F(Tracer, OtherBitsOfTheFlagsDoNotDecide) {
    std::string context;
    EXPECT_TRUE(start(0, yes.substr(0, 53) + "0b", context));
    EXPECT_TRUE(context.ends_with("-0b"));
    EXPECT_FALSE(start(1, yes.substr(0, 53) + "0a", context));
}

TEST_F(Tracer, ARootIsSampledByTheShareAndSaysSo) {
    for (const double share : {0.0, 0.25, 1.0}) {
        int sampled = 0;
        constexpr int all = 4000;
        for (int i = 0; i < all; ++i) {
            std::string context;
            const auto s = start(share, i % 2 == 0 ? "" : "no traceparent", context);
            ASSERT_TRUE(proto::valid_traceparent(context));
            ASSERT_EQ(context.ends_with("-01"), s != nullptr);
            EXPECT_TRUE(!s || s->parent.empty());
            sampled += s != nullptr;
        }
        EXPECT_NEAR(sampled, share * all, share == 0.25 ? 150 : 0) << share;
    }
}

TEST_F(Tracer, TheQueueIsBoundedAndWhatDoesNotFitIsCounted) {
    int batches = 0;
    spans.on_batch = [&] { ++batches; };
    for (std::size_t i = 0; i < tracer::capacity + 10; ++i) {
        std::string context;
        spans.finish(start(1, "", context), noon);
    }
    EXPECT_EQ(batches, 1) << "told once, when a batch is there";
    EXPECT_EQ(numbers.spans_dropped.at({"queue"}), 10);
    std::size_t taken = 0;
    for (auto batch = spans.take(); !batch.empty(); batch = spans.take()) {
        EXPECT_EQ(batch.size(), tracer::batch);
        taken += batch.size();
    }
    EXPECT_EQ(taken, tracer::capacity);
    EXPECT_TRUE(spans.empty());
}

TEST_F(Tracer, AClockThatIsSetBackMakesNoNegativeSpan) {
    std::string context;
    spans.finish(start(1, "", context), noon - std::chrono::hours(1));
    EXPECT_EQ(spans.take().at(0).end, noon);
}

}  // namespace
}  // namespace wsidecar::core
