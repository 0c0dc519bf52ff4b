#include <gtest/gtest.h>

#include "proto/spring/java_number.hpp"
#include "proto/spring/java_time.hpp"
#include "proto/spring/java_utf.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;

TEST(JavaUtf, IsReadAsJavaReadsIt) {
    const auto decoded = [](const std::string& modified) {
        std::string out;
        return append_java_utf(out, modified) ? out : "malformed";
    };
    EXPECT_EQ(decoded("a\xC3\xA4\xE4\xB8\xAD"), "a\u00e4\u4e2d");
    EXPECT_EQ(decoded("\xC0\x80|\xED\xA0\xBD\xED\xB8\x80|"), "\0|\U0001F600|"s);
    EXPECT_EQ(decoded("\xED\xA0\xBD|\xED\xB8\x80\xED\xA0\xBD"), "\uFFFD|\uFFFD\uFFFD");
    EXPECT_EQ(decoded("\xED\xA0\xBD\xED\xA0\xBD\xED\xB8\x80"), "\uFFFD\U0001F600");
    for (const auto* bad : {"\xC3", "\xC3z", "\xE4\xB8", "\xE4z\xAD", "\x80", "\xF0\x9F\x98\x80", "\xFF"}) {
        EXPECT_EQ(decoded(bad), "malformed") << bad;
    }
}

TEST(JavaNumber, RealsAreWrittenAsToStringDoes) {
    const std::pair<double, const char*> table[] = {{0, "0.0"},
                                                    {-0.0, "-0.0"},
                                                    {1, "1.0"},
                                                    {-1.5, "-1.5"},
                                                    {100, "100.0"},
                                                    {123456.789, "123456.789"},
                                                    {9999999, "9999999.0"},
                                                    {1e7, "1.0E7"},
                                                    {1.25e10, "1.25E10"},
                                                    {0.001, "0.001"},
                                                    {0.00099, "9.9E-4"},
                                                    {1e300, "1.0E300"},
                                                    {4.9e-324, "4.9E-324"},
                                                    {1e23, "1.0E23"},
                                                    {0.1 + 0.2, "0.30000000000000004"}};
    for (const auto& [value, text] : table) {
        EXPECT_EQ(java_double_text(value), text);
    }
    EXPECT_EQ(java_float_text(0.1F), "0.1");
    EXPECT_EQ(java_float_text(1.4e-45F), "1.4E-45");
    EXPECT_EQ(java_float_text(16777216.0F), "1.6777216E7");
}

TEST(JavaNumber, BigOnesKeepAllDigits) {
    EXPECT_EQ(big_digits(""), "0");
    EXPECT_EQ(big_digits("\0\0"s), "0");
    EXPECT_EQ(big_digits("\x01"), "1");
    EXPECT_EQ(big_digits("\x3B\x9A\xCA\x00"s), "1000000000");
    EXPECT_EQ(big_digits("\x01\x00\x00\x00\x00\x00\x00\x00\x00"s), "18446744073709551616");
    EXPECT_EQ(big_decimal_text(false, "1250", 2), "12.50");
    EXPECT_EQ(big_decimal_text(true, "1", 3), "-0.001");
    EXPECT_EQ(big_decimal_text(false, "0", 2), "0.00");
    EXPECT_EQ(big_decimal_text(false, "1", -3), "1000");
    EXPECT_EQ(big_decimal_text(false, "0", -3), "0");
    EXPECT_EQ(big_decimal_text(false, "123", 200), "1.23E-198");
    EXPECT_EQ(big_decimal_text(false, "1", -2147483647 - 1), "1E+2147483648");
    EXPECT_EQ(big_decimal_text(false, "1", 2147483647), "1E-2147483647");
}

TEST(JavaTime, BlocksThatNoJavaWroteAreRefused) {
    const std::string good[] = {"\x03\x00\x00\x07\xE2\x0A\x16"s, "\x04\xF6"s, "\x08\x20"s, "\x0B\x00\x00\x07\xE2"s};
    const char* const texts[] = {"2018-10-22", "09:00:00", "+08:00", "2018"};
    for (std::size_t i = 0; i < std::size(good); ++i) {
        ASSERT_TRUE(read_java_time(good[i])) << i;
        EXPECT_EQ(read_java_time(good[i])->text, texts[i]);
        EXPECT_EQ(read_java_time(good[i])->is_number, i == 3);
        EXPECT_FALSE(read_java_time(good[i] + "x")) << i;
        EXPECT_FALSE(read_java_time(good[i].substr(0, good[i].size() - 1))) << i;
    }
    const std::string bad[] = {""s,
                               "\x00"s,
                               "\x0F"s,
                               "\x03\x00\x00\x07\xE2\x0D\x16"s,      // month 13
                               "\x03\x00\x00\x07\xE2\x0A\x20"s,      // day 32
                               "\x04\xE7"s,                          // hour 24
                               "\x04\x17\x3B\x3B\x3B\x9A\xCA\x00"s,  // a billion nanoseconds
                               "\x08\x49"s,                          // +18:15
                               "\x08\x7F\x00\x01\x00\x00"s,          // +18:12:16
                               "\x07\x00\x01\n"s,                    // a region that is none
                               "\x07\x00\x02x"s,
                               "\x02\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00"s};
    for (std::size_t i = 0; i < std::size(bad); ++i) {
        EXPECT_FALSE(read_java_time(bad[i])) << i;
    }
}

}  // namespace
}  // namespace wsidecar::proto
