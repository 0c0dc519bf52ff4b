#include "proto/stomp/stomp_heartbeat.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto::stomp {
namespace {

using namespace std::chrono_literals;

TEST(StompHeartbeat, IsTwoNumbersOfMilliseconds) {
    const auto h = parse_heart_beat("10000,4000");
    ASSERT_TRUE(h);
    EXPECT_EQ(h->can_send, 10s);
    EXPECT_EQ(h->wants, 4s);
    EXPECT_EQ(write_heart_beat(*h), "10000,4000");
    EXPECT_EQ(parse_heart_beat("2147483647,0")->can_send, 2147483647ms);
}

TEST(StompHeartbeat, AbsentIsNone) {
    using wish = std::optional<std::string_view>;
    for (const auto& value : {wish(), wish(""), wish("1"), wish("10000")}) {
        const auto h = parse_heart_beat(value);
        ASSERT_TRUE(h);
        EXPECT_EQ(write_heart_beat(*h), "0,0") << "Spring takes what is no pair for none";
    }
}

TEST(StompHeartbeat, WhatSpringReadsAsANumberIsOne) {
    const auto read = [](std::string_view value) {
        const auto h = parse_heart_beat(value);
        return h ? write_heart_beat(*h) : std::string("refused");
    };
    EXPECT_EQ(read("-1,0"), "0,0") << "a client that sends none, in the words of some libraries";
    EXPECT_EQ(read("4000,-1"), "4000,0");
    EXPECT_EQ(read("+1,+2"), "1,2");
    EXPECT_EQ(read("2147483648,4294967296"), "2147483647,2147483647");
    EXPECT_EQ(read("9223372036854775807,-9223372036854775808"), "2147483647,0");
}

TEST(StompHeartbeat, AnythingElseIsRefused) {
    for (const auto* bad : {",", "1,", ",1", "1,2,3", "1, 2", " 1,2", "1 ,2", "1,2 ", "a,b", "1.5,2", "0,99999999999999999999",
                            "9223372036854775808,0", "-9223372036854775809,0", "0x1,0", "+-1,0", "--1,0", "-,0", "+,0"}) {
        const auto h = parse_heart_beat(bad);
        ASSERT_FALSE(h) << bad;
        EXPECT_STREQ(h.error().reason, "bad_heart_beat");
    }
}

TEST(StompHeartbeat, EachDirectionIsTheSlowerOfTheTwo) {
    const auto agreed = [](const heart_beat& client, const heart_beat& server) {
        const auto b = negotiate_beats(client, server);
        return std::pair(b.send, b.expect);
    };
    EXPECT_EQ(agreed({1s, 4s}, {3s, 2s}), std::pair(4000ms, 2000ms));
    EXPECT_EQ(agreed({5s, 1s}, {3s, 2s}), std::pair(3000ms, 5000ms));
    EXPECT_EQ(agreed({0s, 4s}, {3s, 2s}), std::pair(4000ms, 0ms)) << "the client can't";
    EXPECT_EQ(agreed({1s, 0s}, {3s, 2s}), std::pair(0ms, 2000ms)) << "the client does not want any";
    EXPECT_EQ(agreed({1s, 4s}, {0s, 2s}), std::pair(0ms, 2000ms)) << "the server can't";
    EXPECT_EQ(agreed({1s, 4s}, {3s, 0s}), std::pair(4000ms, 0ms)) << "the server does not want any";
}

}  // namespace
}  // namespace wsidecar::proto::stomp
