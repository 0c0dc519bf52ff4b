#include "proto/text/rfc3339.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {
using namespace std::chrono_literals;

std::chrono::system_clock::time_point at(std::int64_t seconds, int ms = 0) {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds) + std::chrono::milliseconds(ms));
}

TEST(Rfc3339, WritesUtcWithMilliseconds) {
    EXPECT_EQ(format_rfc3339(at(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(at(1'795'000'000, 7)), "2026-11-18T11:06:40.007Z");
    EXPECT_EQ(format_rfc3339(at(951'782'400)), "2000-02-29T00:00:00.000Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), at(0));
    EXPECT_EQ(parse_rfc3339("1970-01-01T01:00:00.5+01:00"), at(0, 500));
    EXPECT_EQ(parse_rfc3339("1969-12-31t19:00:00.001z"), at(-18000, 1));
    EXPECT_EQ(parse_rfc3339("2000-02-29T00:00:00-00:00"), at(951'782'400));
}

TEST(Rfc3339, YearsThatTheClockCannotHoldAreItsFirstOrLastMoment) {
    EXPECT_GT(*parse_rfc3339("9999-12-31T23:59:59-23:59"), at(9'000'000'000));
    EXPECT_LT(*parse_rfc3339("0000-01-01T00:00:00+23:59"), at(-9'000'000'000));
    EXPECT_EQ(format_rfc3339(*parse_rfc3339("9999-12-31T23:59:59Z")), "2262-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(*parse_rfc3339("0001-01-01T00:00:00Z")), "1678-01-01T00:00:00.000Z");
}

TEST(Rfc3339, RefusesWhatIsNoDateTime) {
    for (const char* bad :
         {"", "2026-11-21", "2026-11-21T10:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
          "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00+1:00", "2026-11-21T10:00:00Zx", "tomorrow", "20261121T100000Z"}) {
        EXPECT_FALSE(parse_rfc3339(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::proto
