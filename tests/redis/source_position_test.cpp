#include "sidecar/redis/source_position.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class SourcePosition : public testing::Test {
protected:
    void peeked(const std::string& lost, const std::string& last, const std::string& routed) {
        proto::reply_reader reader;
        reader.feed("*7\r\n" + resp_text("ok") + resp_text("list") + "*0\r\n*0\r\n:" + lost + "\r\n" + resp_text(last) +
                    resp_text(routed));
        const auto reply = reader.next();
        position.on_peek((*reply)->view(), metrics);
    }

    core::metrics metrics;
    scripted_port link;
    source_position position{"orders", "wsidecar:w", "$", "w:stream:orders"};
};

TEST_F(SourcePosition, ANewGroupBeginsWhereTheLastOneWas) {
    EXPECT_TRUE(position.is_stream());
    EXPECT_EQ(position.begin(), "$");
    EXPECT_THAT(position.wait_command(500ms), ElementsAre("XREAD", "COUNT", "1", "BLOCK", "500", "STREAMS", "orders", "$"));
    peeked("0", "9-1", "7-1");
    EXPECT_EQ(position.begin(), "7-1");
    EXPECT_EQ(position.wait_command(500ms).back(), "9-1") << "what comes behind the last that is there";
}

TEST_F(SourcePosition, ItFollowsTheInstanceThatRoutes) {
    link.is_up = true;
    position.follow(link);
    EXPECT_THAT(link.sent, ElementsAre(ElementsAre("HGET", "w:stream:orders", "routed")));
    link.answer(resp_text("8-0"));
    EXPECT_EQ(position.begin(), "8-0");
}

TEST_F(SourcePosition, EntriesThatWereDeletedBeforeTheyWereReadAreCounted) {
    peeked("3", "9-1", "7-1");
    EXPECT_EQ(metrics.undelivered[core::undelivered_reason::trimmed], 3);
    peeked("-1", "9-1", "7-1");
    EXPECT_EQ(metrics.undelivered[core::undelivered_reason::trimmed], 3) << "below Redis 7 nobody can say how many";
}

TEST_F(SourcePosition, WhatComesAfterSomethingElseUnderTheNameIsNew) {
    position.on_other_type();
    EXPECT_EQ(position.begin(), "0-0");
}

TEST(SourcePositionOfAList, AListHasNone) {
    scripted_port link;
    source_position list{"orders", "", "", "w:stream:orders"};
    EXPECT_FALSE(list.is_stream());
    list.follow(link);
    EXPECT_TRUE(link.sent.empty());
}

}  // namespace
}  // namespace wsidecar::redis
