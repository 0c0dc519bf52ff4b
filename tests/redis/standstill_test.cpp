#include "sidecar/redis/standstill.hpp"

#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {
using namespace std::chrono_literals;

TEST(Standstill, ACallThatComesTooLateIsNoticedOnce) {
    standstill s;
    standstill::time_point now(1000s);
    s.tick(now, 15s);
    EXPECT_FALSE(s.ended()) << "the first call";
    s.tick(now += 15s, 15s);
    EXPECT_FALSE(s.ended());
    s.tick(now += 16s, 15s);
    s.tick(now += 1s, 15s);
    EXPECT_TRUE(s.ended());
    EXPECT_FALSE(s.ended());
}

}  // namespace
}  // namespace wsidecar::redis
