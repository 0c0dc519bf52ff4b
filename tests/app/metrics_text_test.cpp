#include "sidecar/app/metrics_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

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

TEST(MetricsText, EverySampleNamesItsService) {
    core::metrics m;
    m.prefix = "shop:orders:";
    m.closes.at({"1013", "slow"}) += 1;
    m.event_seconds.observe(0.1);
    std::istringstream lines(metrics_text(m));
    std::size_t samples = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with('#')) {
            EXPECT_THAT(line, HasSubstr("prefix=\"shop:orders:\""));
            ++samples;
        }
    }
    EXPECT_GT(samples, 50U);
    EXPECT_THAT(metrics_text(m), HasSubstr("wsidecar_closes_total{code=\"1013\",reason=\"slow\",prefix=\"shop:orders:\"} 1\n"));
}

}  // namespace
}  // namespace wsidecar::app
