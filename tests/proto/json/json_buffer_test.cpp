#include "proto/json/json_buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace wsidecar::proto {
namespace {

TEST(JsonBuffer, HoldsWhatWasPutWhateverItBeganWith) {
    for (const std::size_t expected : {0U, 1U, 7U, 1'000U}) {
        json_buffer buffer(expected);
        std::string same;
        for (std::int64_t i = 0; i < 200; ++i) {
            buffer.put('[');
            buffer.put("some text");
            buffer.put(i * i * i * 1'000'003 - 5);
            buffer.quote("a \"quoted\" \n\\ \u00e4 text");
            buffer.quote("plain");
            same += "[some text" + std::to_string(i * i * i * 1'000'003 - 5) +
                    "\"a \\\"quoted\\\" \\u000a\\\\ \u00e4 text\"\"plain\"";
        }
        EXPECT_EQ(buffer.view(), same);
        EXPECT_EQ(buffer.size(), same.size());
    }
}

TEST(JsonBuffer, NumbersHaveAllTheirDigits) {
    json_buffer buffer(0);
    buffer.put(std::numeric_limits<std::int64_t>::min());
    buffer.put(std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(buffer.view(), "-92233720368547758089223372036854775807");
}

TEST(JsonBuffer, WhatWasWrittenMayBeTakenBackOrPutAgain) {
    json_buffer buffer(4);
    buffer.put("0123456789");
    buffer.truncate(8);
    for (int i = 0; i < 5; ++i) {
        buffer.put_again(2, buffer.size() - 2);  // grows from its own text
    }
    EXPECT_EQ(buffer.size(), 2 + 6 * 32U);
    EXPECT_EQ(buffer.view().substr(0, 14), "01234567234567");
}

}  // namespace
}  // namespace wsidecar::proto
