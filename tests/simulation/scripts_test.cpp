// What single scripts leave in Redis, run by the real Lua against the model of Redis.

#include <gtest/gtest.h>

#include <string>

#include "sidecar/redis/scripts.hpp"
#include "tests/redis/scripted_port.hpp"
#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/redis_model.hpp"

namespace wsidecar::simulation {
namespace {

class Bury : public testing::Test {
protected:
    /// Declares the instance "one" dead, and returns its tombstone.
    std::string tombstone() {
        redis::scripted_port port;
        port.is_up = true;
        redis::scripts::bury.run(port, "w:dead:one", {"w:", "one", "7"});
        port.answer("-NOSCRIPT No matching script.\r\n");
        const auto done = redis_.ask(port.sent.back());
        EXPECT_EQ(done.number, 1) << done.text;
        return redis_.ask({"GET", "w:dead:one"}).text;
    }

    lua_host lua_;
    redis_model redis_{lua_, 7, 1};

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

}  // namespace
}  // namespace wsidecar::simulation
