#include "proto/http/content_type.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

TEST(Text, TellsTextFromBinaryTypes) {
    for (const char* t :
         {"text/plain", "text/html", "application/json", "application/xml", "application/problem+json", "image/svg+xml"}) {
        EXPECT_TRUE(is_text_type(t)) << t;
    }
    for (const char* t : {"", "application/octet-stream", "image/png", "application/x-protobuf"}) {
        EXPECT_FALSE(is_text_type(t)) << t;
    }
}

TEST(Text, ReadsTypeAndCharset) {
    EXPECT_EQ(parse_content_type("Text/Plain; Charset=\"UTF-8\"").type, "text/plain");
    EXPECT_EQ(parse_content_type("text/plain;charset=GBK; x=y").charset, "gbk");
    EXPECT_EQ(parse_content_type("application/json").charset, "");
}

TEST(Text, ConvertsCharsets) {
    EXPECT_EQ(*to_utf8("gr\xFC\xDF", "iso-8859-1"), "grüß");
    EXPECT_EQ(*to_utf8("\xC4\xE3\xBA\xC3", "gbk"), "你好");
    EXPECT_EQ(*to_utf8("你好", ""), "你好");
    EXPECT_EQ(*to_utf8("", "gbk"), "");
}

TEST(Text, RefusesWhatIsNotInItsCharset) {
    EXPECT_FALSE(to_utf8("\xFF", ""));
    EXPECT_FALSE(to_utf8("\xFF\xFF", "gbk"));
    EXPECT_FALSE(to_utf8("x", "no-such-charset"));
}

TEST(Text, AJsonContainerIsExactlyOneObjectOrArray) {
    for (const char* good : {"{}", " [1, {\"a\": null}]\n", "{\"a\":\"\\u00e9}\"}"}) {
        EXPECT_TRUE(is_json_container(good)) << good;
    }
    for (const char* bad : {"", "1", "\"x\"", "{}{}", "[1,]", "{a:1}", "[", "{\"a\":1}x", "nul"}) {
        EXPECT_FALSE(is_json_container(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::proto
