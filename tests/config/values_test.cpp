#include "config/values.hpp"

#include <gtest/gtest.h>

namespace wsidecar::config {
namespace {
using namespace std::chrono_literals;

TEST(Values, DurationsHaveAUnit) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("10s"), 10s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("24h"), 24h);
    EXPECT_EQ(parse_duration("0"), 0ms);
    for (const char* bad : {"", "10", "s", "-1s", "1.5s", "10 s", "10S", "99999999999999999999s", "9999999h"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
}

TEST(Values, ADurationOverTenYearsIsToldFromWhatIsNone) {
    EXPECT_EQ(parse_duration("3660d"), longest_duration);
    for (const char* text : {"3661d", "9999999h", "99999999999999999999s"}) {
        EXPECT_TRUE(is_too_long(text)) << text;
    }
    for (const char* text : {"", "3660d", "10", "s", "99999999999999999999", "9999999x", "-9999999h", "9999999.5h"}) {
        EXPECT_FALSE(is_too_long(text)) << text;
    }
}

TEST(Values, SizesAreBytesOrHaveABinaryUnit) {
    EXPECT_EQ(parse_size("512"), 512U);
    EXPECT_EQ(parse_size("64KiB"), 65536U);
    EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
    for (const char* bad : {"", "KiB", "1kb", "-1", "1.5MiB", "99999999999999999999", "99999999999GiB"}) {
        EXPECT_FALSE(parse_size(bad)) << bad;
    }
}

TEST(Values, WhatIsPrintedReadsAsTheSame) {
    for (const auto d : {0ms, 1ms, 1500ms, 60'000ms, 90'000ms, 86'400'000ms}) {
        EXPECT_EQ(parse_duration(format_duration(d)), d) << format_duration(d);
    }
    for (const std::uint64_t n : {0ULL, 1ULL, 1000ULL, 1024ULL, 1536ULL, 1ULL << 20, 3ULL << 30}) {
        EXPECT_EQ(parse_size(format_size(n)), n) << format_size(n);
    }
}

TEST(Values, NumbersAreDecimalDigitsUpToABound) {
    EXPECT_EQ(parse_number("0", 10), 0U);
    EXPECT_EQ(parse_number("10", 10), 10U);
    for (const char* bad : {"", "11", "-1", "+1", "1e1", "0x1", "1 ", "99999999999999999999999"}) {
        EXPECT_FALSE(parse_number(bad, 10)) << bad;
    }
}

TEST(Values, SharesAreDecimalFractionsFromZeroToOne) {
    EXPECT_EQ(parse_share("0"), 0.0);
    EXPECT_EQ(parse_share("0.01"), 0.01);
    EXPECT_EQ(parse_share("1.0"), 1.0);
    for (const char* bad : {"", "-0.1", "1.1", "1e-2", "nan", "inf", "0.1 ", "1%", "."}) {
        EXPECT_FALSE(parse_share(bad)) << bad;
    }
    for (const double share : {0.0, 0.0001, 0.01, 0.3, 1.0}) {
        EXPECT_EQ(parse_share(format_share(share)), share) << format_share(share);
    }
    EXPECT_EQ(format_share(0.01), "0.01");
}

TEST(Values, BooleansAreTrueAndFalseOnly) {
    EXPECT_EQ(parse_bool("true"), true);
    EXPECT_EQ(parse_bool("false"), false);
    EXPECT_FALSE(parse_bool("yes"));  // YAML 1.1's Norway problem
    EXPECT_FALSE(parse_bool("no"));
}

TEST(Values, ListenAddressesNameAHostOfThisMachineAndAPort) {
    for (const char* good : {"0.0.0.0:8000", "127.0.0.1:0", "[::]:80", ":8000", "localhost:65535"}) {
        EXPECT_TRUE(valid_listen_address(good)) << good;
    }
    for (const char* bad : {"", "8000", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536", "example.com:80", "::1:80", "1.2.3.4:x"}) {
        EXPECT_FALSE(valid_listen_address(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::config
