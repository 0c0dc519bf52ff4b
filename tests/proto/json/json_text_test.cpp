#include "proto/json/json_text.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;

std::string written(std::string_view bytes, bool quoted = true) {
    std::string out;
    append_json_text(out, bytes, quoted);
    return out;
}

TEST(JsonText, LeavesWhatCanBeReadAsItIs) {
    EXPECT_EQ(written("http://shop.example/张三?a=\U0001F600"), "http://shop.example/张三?a=\U0001F600");
    EXPECT_EQ(written("a \"b\" \\ c"), R"(a \"b\" \\ c)");
    EXPECT_EQ(written("a \"b\" \\ c", false), R"(a "b" \ c)");
}

TEST(JsonText, HasAReplacementForEachByteThatIsNoUtf8) {
    const std::string no = "\xEF\xBF\xBD";
    EXPECT_EQ(written("\xFF"), no);
    EXPECT_EQ(written("a\xE2\x82z"), "a" + no + no + "z") << "cut off";
    EXPECT_EQ(written("\xC0\xAF"), no + no) << "overlong";
    EXPECT_EQ(written("\xED\xA0\x80"), no + no + no) << "a surrogate";
    EXPECT_EQ(written("\xF4\x90\x80\x80"), no + no + no + no) << "beyond U+10FFFF";
    EXPECT_EQ(written("\xC2"), no) << "at the end";
}

TEST(JsonText, EscapesControlCharactersOfAllKinds) {
    EXPECT_EQ(written("\0\n\x1B\x7F"s), R"(\u0000\u000a\u001b\u007f)");
    EXPECT_EQ(written("\xC2\x80 \xC2\x9B"
                      "31m \xC2\x9F \xC2\xA0"),
              "\\u0080 \\u009b31m \\u009f \xC2\xA0");
    EXPECT_EQ(written("\u2028\u2029"), R"(\u2028\u2029)");
    EXPECT_EQ(written("\u202E\u2066\u2069\u200E\u200F\u061C"), R"(\u202e\u2066\u2069\u200e\u200f\u061c)");
    EXPECT_EQ(written("\n\xC2\x9B", false), R"(\u000a\u009b)");
}

TEST(JsonText, IsJsonInUtf8WhateverTheBytes) {
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            const std::string text = '"' + written(std::string{static_cast<char>(a), static_cast<char>(b), 'z'}) + '"';
            ASSERT_TRUE(valid_utf8(text)) << a << ' ' << b;
            boost::system::error_code ec;
            ASSERT_TRUE(boost::json::parse(text, ec).is_string()) << text;
        }
    }
}

}  // namespace
}  // namespace wsidecar::proto
