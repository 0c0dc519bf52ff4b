#include "sidecar/redis/channel_sources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"
#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class ChannelSources : public testing::Test {
protected:
    ChannelSources() {
        config::source s;
        s.channel = "notices";
        s.to.all = true;
        s.echo = false;
        settings.sources.push_back(s);
        readers.emplace_back(settings.sources[0]);
        all.start([this](const proto::envelope& e, const core::push_origin& from) {
            pushes.push_back(e);
            origins.push_back(from);
        });
    }

    core::manual_time time;
    scripted_port commands;
    config::config settings;
    core::metrics metrics;
    std::vector<source_reader> readers;
    channel_sources all{readers, commands, settings, keys{"w:", "outbox"}, metrics, time};
    std::vector<proto::envelope> pushes;
    std::vector<core::push_origin> origins;
};

TEST_F(ChannelSources, AMessageIsAPush) {
    all.on_message(0, "notices", "hello");
    ASSERT_EQ(pushes.size(), 1U);
    EXPECT_TRUE(pushes[0].to.all);
    EXPECT_EQ(pushes[0].payload, "hello");
    EXPECT_EQ(origins[0].id, 0U) << "nobody waits for its end";
    EXPECT_EQ(metrics.source_messages.value(), 1);
}

TEST_F(ChannelSources, WithoutEchoAClientDoesNotGetItsOwnMessage) {
    all.remember("c1", "notices", "hello");
    all.on_message(0, "notices", "hello");
    EXPECT_THAT(pushes[0].except.connections, ElementsAre("c1"));
    all.on_message(0, "notices", "hello");
    EXPECT_THAT(pushes[1].except.connections, IsEmpty()) << "it was published once";
    all.remember("c1", "notices", "late");
    time.pass(11s);
    all.remember("c1", "notices", "other");
    all.on_message(0, "notices", "late");
    EXPECT_THAT(pushes[2].except.connections, IsEmpty()) << "it will not come any more";
}

TEST_F(ChannelSources, OnlyWhatComesBackIsRemembered) {
    all.remember("c1", "elsewhere", "hello");
    all.on_message(0, "notices", "hello");
    EXPECT_THAT(pushes[0].except.connections, IsEmpty());
}

}  // namespace
}  // namespace wsidecar::redis
