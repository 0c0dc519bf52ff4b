#include "sidecar/app/metrics_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::app {
namespace {

using testing::HasSubstr;

TEST(MetricsText, AMetricThatWasNeverTouchedIsZero) {
    core::metrics m;
    EXPECT_THAT(metrics_text(m), HasSubstr("\nwsidecar_connections 0\n"));
    EXPECT_THAT(metrics_text(m), HasSubstr("# TYPE wsidecar_connections gauge\n"));
}

TEST(MetricsText, LabelsAndHistogramsAreWritten) {
    core::metrics m;
    m.closes.at({"1013", "slow"}) += 2;
    m.event_seconds.observe(0.001);
    m.event_seconds.observe(100);
    const auto text = metrics_text(m);
    EXPECT_THAT(text, HasSubstr("wsidecar_closes_total{code=\"1013\",reason=\"slow\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("wsidecar_event_duration_seconds_count 2\n"));
    EXPECT_THAT(text, HasSubstr("wsidecar_event_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
}

}  // namespace
}  // namespace wsidecar::app
