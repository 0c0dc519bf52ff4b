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

TEST(Endpoint, ItsDescriptionHoldsNoSecret) {
    EXPECT_EQ(of("redis://user:hunter2@h:1/0").describe().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace wsidecar::redis
