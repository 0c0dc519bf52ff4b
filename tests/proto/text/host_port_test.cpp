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

}  // namespace
}  // namespace wsidecar::proto
