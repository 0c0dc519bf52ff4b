// The same table that documents_test.py holds the JSON Schema to. A row has the envelope as a value, or the bytes: `raw`, or
// `base64` where they are no UTF-8.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "proto/envelope.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto {
namespace {

std::string bytes_of(const boost::json::object& row) {
    if (const auto* raw = row.if_contains("raw")) {
        return std::string(raw->as_string());
    }
    if (const auto* encoded = row.if_contains("base64")) {
        return base64_decode(std::string_view(encoded->as_string())).value();
    }
    return boost::json::serialize(row.at("envelope"));
}

void expect_taken(const boost::json::object& row, const envelope_item& item) {
    ASSERT_TRUE(item.value) << row.at("name") << ": " << item.value.error().reason;
    const auto text = encode_envelope(*item.value);
    const auto again = decode_envelopes(text);
    ASSERT_EQ(again.size(), 1U) << row.at("name");
    ASSERT_TRUE(again[0].value) << row.at("name") << ": " << text << ": " << again[0].value.error().reason;
    EXPECT_EQ(encode_envelope(*again[0].value), text) << row.at("name");
}

void expect_refused(const boost::json::object& row, const envelope_item& item, const std::string& bytes) {
    ASSERT_FALSE(item.value) << row.at("name");
    EXPECT_EQ(item.value.error().reason, row.at("reason").as_string()) << row.at("name");
    EXPECT_EQ(item.raw, bytes) << row.at("name");
}

TEST(EnvelopeTable, TheDecoderSaysWhatTheTableSays) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR) + "/tests/proto/envelopes.json");
    std::ostringstream text;
    text << in.rdbuf();
    boost::json::parse_options deep;
    deep.max_depth = 128;
    const auto table = boost::json::parse(text.str(), {}, deep).as_array();
    ASSERT_GT(table.size(), 140U);
    for (const auto& entry : table) {
        const auto& row = entry.as_object();
        const auto bytes = bytes_of(row);
        const auto items = decode_envelopes(bytes);
        ASSERT_EQ(items.size(), 1U) << row.at("name");
        if (row.at("valid").as_bool()) {
            expect_taken(row, items[0]);
        } else {
            expect_refused(row, items[0], bytes);
        }
    }
}

TEST(EnvelopeTable, WhatJavasSerializersMadeOfAnEnvelopeComesWithTheCure) {
    using namespace std::string_view_literals;
    for (const auto& [bytes, reason] : {std::pair("\xAC\xED\x00\x05t\x00\x02{}"sv, "not_json"),
                                        {R"("{\"to\":{\"all\":true},\"text\":\"t\"}")"sv, "not_object"}}) {
        const auto items = decode_envelopes(bytes);
        ASSERT_EQ(items.size(), 1U);
        ASSERT_FALSE(items[0].value);
        EXPECT_STREQ(items[0].value.error().reason, reason);
        EXPECT_NE(std::string_view(items[0].value.error().detail).find("StringRedisSerializer"), std::string_view::npos);
    }
}

}  // namespace
}  // namespace wsidecar::proto
