#include "proto/http/cookie_jar.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000));

std::string after(std::string cookie, std::initializer_list<const char*> set) {
    for (const char* s : set) {
        apply_set_cookie(cookie, s, now);
    }
    return cookie;
}

TEST(CookieJar, ASessionThatRotatesReplacesItsCookie) {
    EXPECT_EQ(after("JSESSIONID=1; theme=dark", {"JSESSIONID=2; Path=/; HttpOnly"}), "theme=dark; JSESSIONID=2");
    EXPECT_EQ(after("", {"a=1", "b=2; Secure"}), "a=1; b=2");
    EXPECT_EQ(after("ab=1", {"a=2"}), "ab=1; a=2");
}

TEST(CookieJar, ADeadCookieIsTakenOut) {
    EXPECT_EQ(after("a=1; b=2", {"a=; Max-Age=0"}), "b=2");
    EXPECT_EQ(after("a=1; b=2", {"b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}), "a=1");
    EXPECT_EQ(after("a=1", {"a=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}), "a=2") << "Max-Age goes before Expires";
}

TEST(CookieJar, WhatCannotBeACookieIsNotTaken) {
    std::string cookie = "a=1";
    for (const char* bad : {"", "=x", "noequals", "b=x\r\nEvil: 1", "b=\x01"}) {
        EXPECT_FALSE(apply_set_cookie(cookie, bad, now)) << bad;
    }
    EXPECT_FALSE(apply_set_cookie(cookie, "b=" + std::string(9000, 'x'), now));
    EXPECT_EQ(cookie, "a=1");
}

}  // namespace
}  // namespace wsidecar::proto
