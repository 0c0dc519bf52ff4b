#include "sidecar/redis/rejected.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "proto/text/base64.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::redis {
namespace {

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(0));

boost::json::object record(std::string_view envelope) {
    return boost::json::parse(rejected_record("why", envelope, now)).as_object();
}

TEST(Rejected, TextIsKeptAsItWas) {
    const auto r = record("{\"a\":\"你\n\"");
    EXPECT_EQ(r.at("reason"), "why");
    EXPECT_EQ(r.at("envelope"), "{\"a\":\"你\n\"");
    EXPECT_EQ(r.at("time"), "1970-01-01T00:00:00.000Z");
    EXPECT_FALSE(r.contains("base64"));
}

TEST(Rejected, WhatIsNotUtf8IsKeptAsBase64) {
    const auto r = record(std::string_view("\xFF\x00", 2));
    EXPECT_EQ(proto::base64_decode(std::string(r.at("base64").as_string())), std::string("\xFF\x00", 2));
    EXPECT_FALSE(r.contains("envelope"));
}

TEST(Rejected, ALongOneIsCutBetweenCharacters) {
    std::string text = "x";
    while (text.size() < 70'000) {
        text += "你";
    }
    const auto r = record(text);
    const std::string kept(r.at("envelope").as_string());
    EXPECT_LE(kept.size(), 65'536U);
    EXPECT_GT(kept.size(), 65'530U);
    EXPECT_TRUE(proto::valid_utf8(kept));
}

}  // namespace
}  // namespace wsidecar::redis
