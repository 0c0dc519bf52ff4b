#include "sidecar/app/resources.hpp"

#include <gtest/gtest.h>

namespace wsidecar::app {
namespace {

TEST(Resources, ConnectionsAreLoweredToWhatDescriptorsAllow) {
    config::config c;
    c.max_connections = 50'000;
    EXPECT_EQ(afford(c, {1'000'000, std::nullopt}).connections, 50'000U);
    EXPECT_LT(afford(c, {20'000, std::nullopt}).connections, 20'000U);
    EXPECT_EQ(afford(c, {100, std::nullopt}).connections, 1U);
}

TEST(Resources, DescriptorsAreKeptAsideForWhoHasToBeRefused) {
    config::config c;
    for (const std::uint64_t descriptors : {256, 1024, 20'000, 1'000'000}) {
        c.max_connections = 10'000'000;
        c.http = "pass";
        c.pass.concurrency = 16;
        const auto a = afford(c, {descriptors, std::nullopt});
        EXPECT_GE(a.pending, 16U);
        EXPECT_LE(a.connections + a.pending + 2 * a.passed + c.app.concurrency, descriptors);
        EXPECT_EQ(a.sockets, std::min<std::size_t>(a.connections, a.sockets));
        EXPECT_GT(a.connections, 1U);
    }
}

TEST(Resources, AndToWhatMemoryAllows) {
    config::config c;
    c.limits.memory = 50;
    const auto most = afford(c, {1'000'000, 256ULL << 20});
    EXPECT_EQ(most.connections, (128ULL * 1024 * 1024 / 100 * 100 - (32ULL << 20)) / 8192) << most.connections;
    EXPECT_EQ(most.pending_bytes, 256ULL * 1024 * 1024 / 100 * 50 / 8);
    EXPECT_EQ(afford(c, {1'000'000, 16ULL << 20}).connections, 1U);
}

TEST(Resources, TheMachineIsKnown) {
    const auto r = probe_resources();
    EXPECT_GT(r.descriptors, 0U);
    EXPECT_GT(r.memory.value_or(0), 1ULL << 20);
    EXPECT_GT(resident_bytes(), 1ULL << 20);
}

}  // namespace
}  // namespace wsidecar::app
