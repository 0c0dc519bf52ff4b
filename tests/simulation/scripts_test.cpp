// What single scripts leave in Redis, run by the real Lua against the model of Redis.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "sidecar/redis/scripts.hpp"
#include "tests/redis/scripted_port.hpp"
#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/redis_model.hpp"

namespace wsidecar::simulation {
namespace {

class Scripts : public testing::Test {
protected:
    /// Runs a script and returns its reply.
    reply run(const redis::script& s, const std::string& key, std::vector<std::string> arguments) {
        redis::scripted_port port;
        port.is_up = true;
        s.run(port, key, std::move(arguments));
        port.answer("-NOSCRIPT No matching script.\r\n");
        return redis_.ask(port.sent.back());
    }

    lua_host lua_;
    redis_model redis_{lua_, 7, 1};
};

class Bury : public Scripts {
protected:
    /// Declares the instance "one" dead, and returns its tombstone.
    std::string tombstone() {
        const auto done = run(redis::scripts::bury, "w:dead:one", {"w:", "one", "7"});
        EXPECT_EQ(done.number, 1) << done.text;
        return redis_.ask({"GET", "w:dead:one"}).text;
    }

    void SetUp() override {
        redis_.ask({"HSET", "w:beats", "one", "7"});
        redis_.ask({"SADD", "w:conns:one", "c1"});
    }
};

TEST_F(Bury, SurvivorsSendTheEventsOfAnInstanceWhoseConnectionsRedisKnows) {
    EXPECT_EQ(tombstone(), "1");
}

TEST_F(Bury, AnInstanceOfWhichRedisHasLostAllConnectionsKeepsThem) {
    redis_.ask({"SADD", "w:incomplete", "one"});
    redis_.ask({"DEL", "w:conns:one"});
    EXPECT_EQ(tombstone(), "unknown");
}

TEST_F(Bury, AnInstanceOfWhichRedisMayHaveLostSomeConnectionsSendsTheirEventsToo) {
    redis_.ask({"SADD", "w:incomplete", "one"});
    EXPECT_EQ(tombstone(), "again");
}

class Retire : public Scripts {
protected:
    /// Retires the connection "c1" of the instance "one". Its disconnect event has not been sent.
    void retire(const std::string& link) {
        const auto done = run(
            redis::scripts::retire, "w:conn:c1",
            {"w:", "one", "c1", "60000", "alice", "", "", "", "", "", "/ws", "room=1", "2026-01-01T00:00:00Z", "", "1", link});
        ASSERT_EQ(done.items.size(), 3U) << done.text;
        EXPECT_EQ(done.items[0].text, "gone");
    }
    long long exists(const std::string& key) { return redis_.ask({"EXISTS", key}).number; }
};

TEST_F(Retire, LeavesWhatASurvivorNeedsForTheDisconnectEventInARedisThatHasLostTheConnection) {
    retire("1");
    EXPECT_EQ(redis_.ask({"HGET", "w:conn:c1", "user"}).text, "alice");
    EXPECT_EQ(redis_.ask({"HGET", "w:conn:c1", "path"}).text, "/ws");
    EXPECT_EQ(redis_.ask({"HGET", "w:conn:c1", "state"}).text, "room=1");
    EXPECT_EQ(redis_.ask({"HGET", "w:conn:c1", "phase"}).text, "ending");
    EXPECT_EQ(redis_.ask({"SISMEMBER", "w:conns:one", "c1"}).number, 1);
    EXPECT_EQ(redis_.ask({"HEXISTS", "w:beats", "one"}).number, 1);  // so that others notice if it dies
    EXPECT_EQ(exists("w:presence:alice"), 0);
}

TEST_F(Retire, BringsNothingBackThatWasForgottenOverALaterLink) {
    redis_.ask({"HSET", "w:links", "one", "2"});
    retire("1");
    EXPECT_EQ(exists("w:conn:c1"), 0);
}

TEST_F(Retire, BringsNothingBackOfAnInstanceThatWasDeclaredDead) {
    redis_.ask({"SET", "w:dead:one", "1"});
    retire("1");
    EXPECT_EQ(exists("w:conn:c1"), 0);
}

}  // namespace
}  // namespace wsidecar::simulation
