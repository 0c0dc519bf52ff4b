#include "sidecar/redis/outbox_canary.hpp"

#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;

class OutboxCanary : public testing::Test {
protected:
    OutboxCanary() {
        link.is_up = true;
        canary.start("pod-1", others);
    }

    core::manual_time time;
    scripted_port link;
    config::config settings;
    core::metrics metrics;
    roster others{"pod-1"};
    outbox_canary canary{link, settings, keys{"w:", "outbox"}, metrics, time};
};

TEST_F(OutboxCanary, NoneForSixSecondsIsNotWell) {
    ASSERT_FALSE(link.sent.empty());
    EXPECT_EQ(link.sent[0][0], "RPUSH");
    time.pass(5s);
    EXPECT_TRUE(canary.well());
    time.pass(2s);
    EXPECT_FALSE(canary.well());
}

TEST_F(OutboxCanary, SilenceAfterTheStopMeansNothing) {
    canary.stop();
    link.sent.clear();
    time.pass(1h);
    EXPECT_TRUE(link.sent.empty());
    EXPECT_TRUE(canary.well());
}

}  // namespace
}  // namespace wsidecar::redis
