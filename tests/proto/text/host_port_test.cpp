#include "proto/text/host_port.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::proto {
namespace {

std::string parts(std::string_view text) {
    const auto p = split_host_port(text);
    return !p ? "none" : std::string(p->host) + (p->port ? " " + std::to_string(*p->port) : "");
}

TEST(HostPort, IsTakenApartWithAndWithoutAPort) {
    EXPECT_EQ(parts("redis.example"), "redis.example");
    EXPECT_EQ(parts("redis.example:6379"), "redis.example 6379");
    EXPECT_EQ(parts("10.0.0.1:1"), "10.0.0.1 1");
    EXPECT_EQ(parts("[2001:db8::1]:4711"), "2001:db8::1 4711");
    EXPECT_EQ(parts("[::1]"), "::1");
    EXPECT_EQ(parts("2001:db8::1"), "2001:db8::1");
}

TEST(HostPort, WhatIsNoneIsRefused) {
    for (const auto* text :
         {"", ":80", "a:", "a:b", "a:65536", "a:-1", "a: 1", "[::1", "[::1]x", "[::1]80", "[]:1", "::1]", "[[::1]]"}) {
        EXPECT_EQ(parts(text), "none") << text;
    }
}

TEST(HostPort, AnAddressToListenOnHasAPortAndPerhapsNoHost) {
    const auto any = split_listen_address(":8000");
    ASSERT_TRUE(any);
    EXPECT_EQ(any->host, "");
    EXPECT_EQ(any->port, 8000);
    const auto v6 = split_listen_address("[::1]:0");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(v6->port, 0);
    for (const char* bad : {"", ":", "8000", "127.0.0.1", "127.0.0.1:", ":65536", "::1:80", "a:x"}) {
        EXPECT_FALSE(split_listen_address(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::proto
