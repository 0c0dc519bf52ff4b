#include "sidecar/redis/rejected.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "proto/text/base64.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::redis {
namespace {

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(0));

boost::json::object record(std::string_view envelope, const config::rejected& bounds = {}, std::size_t size = 0) {
    return boost::json::parse(rejected_record("why", envelope, now, bounds, size)).as_object();
}

std::string kept(const boost::json::object& record) {
    return std::string(record.at("envelope").as_string());
}

std::string text_of(std::size_t least) {
    std::string text = "x";
    while (text.size() < least) {
        text += "你";
    }
    return text;
}

TEST(Rejected, TextIsKeptAsItWas) {
    const auto r = record("{\"a\":\"你\n\"");
    EXPECT_EQ(r.at("reason"), "why");
    EXPECT_EQ(r.at("envelope"), "{\"a\":\"你\n\"");
    EXPECT_EQ(r.at("time"), "1970-01-01T00:00:00.000Z");
    EXPECT_FALSE(r.contains("base64"));
    EXPECT_FALSE(r.contains("bytes"));
}

TEST(Rejected, WhatIsNotUtf8IsKeptAsBase64) {
    const auto r = record(std::string_view("\xFF\x00", 2));
    EXPECT_EQ(proto::base64_decode(std::string(r.at("base64").as_string())), std::string("\xFF\x00", 2));
    EXPECT_FALSE(r.contains("envelope"));
}

TEST(Rejected, ALongOneIsKeptWhole) {
    const auto text = text_of(2'000'000);
    EXPECT_EQ(kept(record(text)), text);
    const std::string bytes(1'000'000, '\xFF');
    EXPECT_EQ(proto::base64_decode(std::string(record(bytes).at("base64").as_string())), bytes);
}

TEST(Rejected, WhatTheListCannotHoldIsKeptAsItsBeginningBetweenCharacters) {
    const auto text = text_of(100'000);
    const auto r = record(text, {.bytes = 65'536});
    EXPECT_TRUE(text.starts_with(kept(r)) && proto::valid_utf8(kept(r)));
    EXPECT_LE(kept(r).size(), 1'024U);
    EXPECT_GT(kept(r).size(), 1'020U);
    EXPECT_EQ(r.at("bytes"), text.size());
}

TEST(Rejected, ARecordThatIsLargerThanTheListIsCutToo) {
    const std::string escaped(60'000, '"');  // its record has 120,000 bytes
    EXPECT_EQ(record(escaped, {.bytes = 65'536}).at("bytes"), escaped.size());
    EXPECT_EQ(kept(record(escaped)), escaped);
}

TEST(Rejected, TheSizeIsToldIfOnlyTheBeginningIsThere) {
    const auto r = record(std::string(1'024, 'x'), {}, 50'000'000);
    EXPECT_EQ(kept(r), std::string(1'024, 'x'));
    EXPECT_EQ(r.at("bytes"), 50'000'000);
}

TEST(Rejected, AReasonInAnyBytesIsStillJson) {
    EXPECT_TRUE(boost::json::parse(rejected_record("bad \xFF \"", "x", now, {})).is_object());
}

TEST(Rejected, TheIdIsReadWhereThereIsOne) {
    EXPECT_EQ(id_in(R"({"to":{"user":"a"},"colour":1,"id":"o-19"})"), "o-19");
    EXPECT_EQ(id_in(R"({"id":"o-19")"), "") << "no JSON";
    EXPECT_EQ(id_in(R"({"id":19})"), "");
    EXPECT_EQ(id_in(R"(["id"])"), "");
    EXPECT_EQ(id_in(R"({"id":")" + std::string(257, 'x') + "\"}"), "");
    EXPECT_EQ(id_in(R"({"id":"o-19","text":")" + std::string(64UL * 1024, 'x') + "\"}"), "")
        << "too large to be read for a log line";
}

}  // namespace
}  // namespace wsidecar::redis
