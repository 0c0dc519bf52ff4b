#include "sidecar/redis/endpoint.hpp"

#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

endpoint of(const std::string& url, const std::string& password = "") {
    config::redis r;
    r.url = url;
    r.password = password;
    return make_endpoint(r, "wsidecar:");
}

TEST(Endpoint, ReadsEveryFormOfUrl) {
    const auto plain = of("redis://r.example:6380/3");
    EXPECT_EQ(plain.host, "r.example");
    EXPECT_EQ(plain.port, 6380);
    EXPECT_EQ(plain.database, 3);
    EXPECT_FALSE(plain.tls);
    EXPECT_EQ(of("redis://r.example").port, 6379);
    EXPECT_TRUE(of("rediss://r.example").tls);
    EXPECT_EQ(of("unix:///run/redis.sock").socket, "/run/redis.sock");
    EXPECT_EQ(of("redis://[::1]:1").host, "::1");
}

TEST(Endpoint, UserAndPasswordAreDecodedAndOverruledByTheirKeys) {
    const auto e = of("redis://us%40er:p%3Aw@h");
    EXPECT_EQ(e.username, "us@er");
    EXPECT_EQ(e.password, "p:w");
    EXPECT_EQ(of("redis://:old@h", "new").password, "new");
}

TEST(Endpoint, SentinelsAreSpokenToAsRedisUnlessToldOtherwise) {
    config::redis r;
    r.url = "rediss://:redis-password@h";
    r.sentinels = {"s:26379"};
    r.tls.ca = "ca.pem";
    r.tls.server_name = "redis";
    auto e = make_endpoint(r, "x:");
    EXPECT_TRUE(e.sentinel.tls);
    EXPECT_EQ(e.sentinel.tls_files.ca, "ca.pem");
    EXPECT_EQ(e.sentinel.tls_files.server_name, "redis");
    EXPECT_EQ(e.sentinel.password, "") << "Redis' own goes only to who asks for one";
    r.sentinel.username = "watcher";
    r.sentinel.password = "own";
    r.sentinel.tls.use = "never";
    r.sentinel.tls.ca = "other.pem";
    e = make_endpoint(r, "x:");
    EXPECT_FALSE(e.sentinel.tls);
    EXPECT_EQ(e.sentinel.username + " " + e.sentinel.password, "watcher own");
    EXPECT_EQ(e.sentinel.tls_files.ca, "other.pem");
    r.url = "redis://h";
    r.sentinel.tls.use = "always";
    EXPECT_TRUE(make_endpoint(r, "x:").sentinel.tls);
    EXPECT_FALSE(make_endpoint(r, "x:").tls);
}

TEST(Endpoint, ADatabaseThatIsNoNumberIsNone) {
    EXPECT_EQ(of("redis://h/3x").database, 0);
    EXPECT_EQ(of("unix:///run/redis.sock?db=2").database, 2);
    EXPECT_EQ(of("unix:///run/redis.sock?db=2x").database, 0);
}

TEST(Endpoint, AnIpv6AddressIsDescribedInBrackets) {
    EXPECT_EQ(of("redis://[::1]:1").describe(), "[::1]:1");
}

TEST(Endpoint, ItsDescriptionHoldsNoSecret) {
    EXPECT_EQ(of("redis://user:hunter2@h:1/0").describe().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace wsidecar::redis
