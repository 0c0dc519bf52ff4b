#include "sidecar/app/resources.hpp"

#include <gtest/gtest.h>

namespace wsidecar::app {
namespace {

TEST(Resources, ConnectionsAreLoweredToWhatDescriptorsAllow) {
    config::config c;
    c.max_connections = 50'000;
    EXPECT_EQ(affordable_connections(c, {1'000'000, std::nullopt}), 50'000U);
    EXPECT_EQ(affordable_connections(c, {20'000, std::nullopt}), 20'000U - 200 - c.app.concurrency);
    EXPECT_EQ(affordable_connections(c, {100, std::nullopt}), 1U);
}

TEST(Resources, AndToWhatMemoryAllows) {
    config::config c;
    c.limits.memory = 50;
    const auto most = affordable_connections(c, {1'000'000, 256ULL << 20});
    EXPECT_EQ(most, (128ULL * 1024 * 1024 / 100 * 100 - (32ULL << 20)) / 8192) << most;
    EXPECT_EQ(affordable_connections(c, {1'000'000, 16ULL << 20}), 1U);
}

TEST(Resources, TheMachineIsKnown) {
    const auto r = probe_resources();
    EXPECT_GT(r.descriptors, 0U);
    EXPECT_GT(r.memory.value_or(0), 1ULL << 20);
    EXPECT_GT(resident_bytes(), 1ULL << 20);
}

}  // namespace
}  // namespace wsidecar::app
