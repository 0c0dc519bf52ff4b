// The same table that documents_test.py holds the JSON Schema to.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "proto/envelope.hpp"

namespace wsidecar::proto {
namespace {

TEST(EnvelopeTable, TheDecoderSaysWhatTheTableSays) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR) + "/tests/proto/envelopes.json");
    std::ostringstream text;
    text << in.rdbuf();
    const auto table = boost::json::parse(text.str()).as_array();
    ASSERT_GT(table.size(), 40U);
    for (const auto& row : table) {
        const auto& o = row.as_object();
        const auto envelope = boost::json::serialize(o.at("envelope"));
        const auto items = decode_envelopes(envelope);
        ASSERT_EQ(items.size(), 1U) << o.at("name");
        EXPECT_EQ(items[0].value.has_value(), o.at("valid").as_bool())
            << o.at("name") << ": " << (items[0].value ? "taken" : items[0].value.error().reason);
        if (items[0].value) {
            const auto again = decode_envelopes(encode_envelope(*items[0].value));
            ASSERT_TRUE(again.size() == 1 && again[0].value) << o.at("name");
            EXPECT_EQ(encode_envelope(*again[0].value), encode_envelope(*items[0].value)) << o.at("name");
        } else {
            EXPECT_EQ(items[0].raw, envelope);
        }
    }
}

}  // namespace
}  // namespace wsidecar::proto
