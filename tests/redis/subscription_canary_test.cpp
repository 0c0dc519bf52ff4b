#include "sidecar/redis/subscription_canary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class SubscriptionCanary : public testing::Test {
protected:
    SubscriptionCanary() {
        time.pass(1h);
        link.is_up = publisher.is_up = true;
        canary.start("pod-1", others);
        canary.begin();
        canary.on_up();
        publisher.sent.clear();
    }

    core::manual_time time;
    scripted_port link;
    scripted_port publisher;
    config::config settings;
    core::metrics metrics;
    roster others{"pod-1"};
    channel_set channels{link, settings};
    subscription_canary canary{link, publisher, channels, settings, keys{"w:", "outbox"}, metrics, time};
};

TEST_F(SubscriptionCanary, OneIsPublishedEveryTwoSeconds) {
    time.pass(2s);
    EXPECT_THAT(publisher.sent, ElementsAre(ElementsAre("PUBLISH", "w:canary:pod-1", "1")));
    EXPECT_FALSE(canary.take("w:canary:pod-2"));
    EXPECT_TRUE(canary.take("w:canary:pod-1"));
}

TEST_F(SubscriptionCanary, AConnectionOnWhichNoneComesBackIsMadeAnew) {
    time.pass(5s);
    EXPECT_TRUE(canary.well());
    EXPECT_THAT(link.resets, IsEmpty());
    time.pass(1s);
    EXPECT_FALSE(canary.well());
    EXPECT_THAT(link.resets, ElementsAre("no canary came back"));
}

TEST_F(SubscriptionCanary, WhoMayNotPublishKnowsNothingOfTheSubscription) {
    time.pass(2s);
    publisher.waiting.back()(proto::reply_view());
    publisher.waiting.clear();
    time.pass(2s);
    publisher.answer("-NOPERM no\r\n");
    EXPECT_TRUE(canary.refused());
    time.pass(4s);
    EXPECT_THAT(link.resets, IsEmpty());
}

TEST_F(SubscriptionCanary, OfManyOneOnDutyPublishesForAll) {
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i) {
        names.push_back("other-" + std::to_string(i));
    }
    others.take(1, names);
    ASSERT_TRUE(others.is_large());
    for (int i = 0; i < 12; ++i) {
        time.pass(500ms);
        canary.take("w:canary");
    }
    EXPECT_THAT(link.sent.back(), ElementsAre("SUBSCRIBE", "w:canary"));
    for (const auto& words : publisher.sent) {
        EXPECT_NE(words[1], "w:canary:pod-1") << "it hears the shared one";
    }
}

}  // namespace
}  // namespace wsidecar::redis
