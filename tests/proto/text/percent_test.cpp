#include "proto/text/percent.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

TEST(Percent, HeadersAreEncodedAsTheCloudEventsBindingSays) {
    EXPECT_EQ(percent_encode_header("alice"), "alice");
    EXPECT_EQ(percent_encode_header("张三"), "%E5%BC%A0%E4%B8%89");
    EXPECT_EQ(percent_encode_header("a b\"c%d"), "a%20b%22c%25d");
    EXPECT_EQ(percent_encode_header("Euro \xE2\x82\xAC \xF0\x9F\x98\x80"),
              "Euro%20%E2%82%AC%20%F0%9F%98%80");  // the binding's example
    EXPECT_EQ(percent_encode_header("a+b"), "a%2Bb") << "Java's URLDecoder would read a space";
    EXPECT_EQ(percent_encode_header("x\r\nEvil: 1"), "x%0D%0AEvil:%201");
}

TEST(Percent, WhatWasEncodedDecodesToItself) {
    std::string all;
    for (int c = 0; c < 256; ++c) {
        all += static_cast<char>(c);
    }
    EXPECT_EQ(percent_decode(percent_encode_header(all)), all);
    EXPECT_EQ(percent_decode(percent_encode_segment(all)), all);
}

TEST(Percent, SegmentsKeepOnlyUnreservedCharacters) {
    EXPECT_EQ(percent_encode_segment("a-b._~9"), "a-b._~9");
    EXPECT_EQ(percent_encode_segment("a/b?c#d;e"), "a%2Fb%3Fc%23d%3Be");
}

TEST(Percent, AMalformedEscapeIsItself) {
    EXPECT_EQ(percent_decode("100%"), "100%");
    EXPECT_EQ(percent_decode("%4"), "%4");
    EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace wsidecar::proto
