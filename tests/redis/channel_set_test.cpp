#include "sidecar/redis/channel_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ChannelSet : public testing::Test {
protected:
    ChannelSet() { all.set_patterns({"p*"}); }
    void want(const std::string& connection, const std::vector<std::string>& names) {
        all.want(connection, names, [this] { ++done; });
    }

    scripted_port link;
    config::config settings;
    channel_set all{link, settings};
    int done = 0;
};

TEST_F(ChannelSet, WhoeverWantsAChannelWaitsUntilRedisHasConfirmedIt) {
    link.is_up = true;
    want("c1", {"a", "b", "p*"});
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("SUBSCRIBE", "a", "b"), ElementsAre("PSUBSCRIBE", "p*")));
    want("c2", {"a"});
    EXPECT_EQ(link.sent.size(), 2U) << "it is on its way";
    all.on_confirmed("a");
    EXPECT_EQ(done, 1);
    all.on_confirmed("b");
    all.on_confirmed("p*");
    EXPECT_EQ(done, 2);
    EXPECT_TRUE(all.is_confirmed("p*"));
    want("c3", {"a"});
    EXPECT_EQ(done, 3) << "it is there";
}

TEST_F(ChannelSet, NobodyWaitsForAConnectionThatIsDown) {
    want("c1", {"a"});
    EXPECT_EQ(done, 1);
    link.is_up = true;
    all.on_up();
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("SUBSCRIBE", "a")));
    want("c2", {"a"});
    EXPECT_EQ(done, 1);
    link.is_up = false;
    all.on_down();
    EXPECT_EQ(done, 2);
    EXPECT_FALSE(all.is_confirmed("a") && link.is_up);
}

TEST_F(ChannelSet, AChannelGoesWithTheLastWhoNeedsIt) {
    link.is_up = true;
    want("c1", {"a", "b"});
    want("c2", {"a"});
    for (const auto* name : {"a", "b"}) {
        all.on_confirmed(name);
    }
    link.sent.clear();
    want("c1", {"b"});
    EXPECT_THAT(link.sent, IsEmpty()) << "c2 needs it";
    all.drop("c2");
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("UNSUBSCRIBE", "a")));
    all.drop("c2");
    EXPECT_EQ(link.sent.size(), 1U);
    EXPECT_EQ(all.size(), 1U);
}

TEST_F(ChannelSet, WhatIsNotConfirmedIsAskedForAgain) {
    link.is_up = true;
    want("c1", {"a", "b"});
    all.on_confirmed("a");
    link.sent.clear();
    EXPECT_TRUE(all.retry());
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("SUBSCRIBE", "b")));
    all.on_confirmed("b");
    EXPECT_EQ(done, 1);
    EXPECT_FALSE(all.retry());
}

TEST_F(ChannelSet, ManyChannelsGoInSeveralCommands) {
    std::vector<std::string> names;
    for (int i = 0; i < 501; ++i) {
        names.push_back("n" + std::to_string(i));
    }
    link.is_up = true;
    want("c1", names);
    ASSERT_EQ(link.sent.size(), 2U);
    EXPECT_EQ(link.sent[0].size(), 501U);
    EXPECT_EQ(link.sent[1].size(), 2U);
}

}  // namespace
}  // namespace wsidecar::redis
