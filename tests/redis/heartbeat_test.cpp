#include "sidecar/redis/heartbeat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

heartbeat of(const std::string& resp) {
    proto::reply_reader reader;
    reader.feed(resp);
    const auto reply = reader.next();
    return read_heartbeat((*reply)->view());
}

TEST(Heartbeat, ARenewedLeaseComesWithWhatRedisKnows) {
    const auto h = of("*10\r\n" + resp_text("ok") + resp_text("e1") + resp_text("g1") + ":1\r\n" + resp_text("7-2") +
                      ":12\r\n:1\r\n:1\r\n:6\r\n:1500\r\n");
    EXPECT_EQ(h.what, heartbeat::outcome::renewed);
    EXPECT_EQ(h.epoch, "e1");
    EXPECT_EQ(h.generation, "g1");
    EXPECT_TRUE(h.was_held);
    EXPECT_EQ(h.broadcast_cursor, "7-2");
    EXPECT_EQ(h.roster, 12);
    EXPECT_TRUE(h.began);
    EXPECT_TRUE(h.overflowed);
    EXPECT_FALSE(h.todo.lost);
    EXPECT_TRUE(h.todo.callbacks);
    EXPECT_TRUE(h.todo.unrouted);
    EXPECT_FALSE(h.todo.unwatched);
    EXPECT_EQ(h.sharded_for, 1500ms);
}

TEST(Heartbeat, AServiceWithOneShardHasNoAgeOfItsShards) {
    const auto h = of("*10\r\n" + resp_text("ok") + resp_text("e1") + resp_text("g1") + ":0\r\n" + resp_text("0-0") +
                      ":1\r\n:0\r\n:0\r\n:0\r\n:-1\r\n");
    EXPECT_FALSE(h.was_held);
    EXPECT_FALSE(h.sharded_for);
}

TEST(Heartbeat, AFencedInstanceHearsWhetherItsEndsAreTold) {
    EXPECT_EQ(of(resp_array({"dead", "1"})).told, core::ends_told::yes);
    EXPECT_EQ(of(resp_array({"dead", "again"})).told, core::ends_told::perhaps);
    const auto h = of(resp_array({"dead", "unknown"}));
    EXPECT_EQ(h.what, heartbeat::outcome::fenced);
    EXPECT_EQ(h.told, core::ends_told::no);
}

TEST(Heartbeat, NoAnswerAndARefusalAreTold) {
    EXPECT_EQ(read_heartbeat(proto::reply_view()).what, heartbeat::outcome::unanswered);
    const auto h = of("-OOM no\r\n");
    EXPECT_EQ(h.what, heartbeat::outcome::refused);
    EXPECT_EQ(h.detail, "OOM no");
    EXPECT_EQ(of(resp_array({"who"})).what, heartbeat::outcome::names_wanted);
}

TEST(Heartbeat, AConflictSaysWithWhatAndWithWhom) {
    const auto conflict = [](const std::vector<std::string>& words) { return conflict_of(of(resp_array(words)), "w:", 2, 4); };
    EXPECT_THAT(conflict({"layout"}), HasSubstr("a version before 0.2"));
    EXPECT_THAT(conflict({"shards", "8"}), HasSubstr("spread over 8 shards, and `shards` is 4"));
    EXPECT_THAT(conflict({"config", "lease 1 ms", "pod-2"}), HasSubstr("instance pod-2, which has lease 1 ms;"));
    EXPECT_THAT(conflict({"format", "4", "pod-2"}), HasSubstr("has format 2, the live instance pod-2 has 4"));
    EXPECT_EQ(conflict({"who"}), "");
}

}  // namespace
}  // namespace wsidecar::redis
