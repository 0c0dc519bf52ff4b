#include "proto/text/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;

/// The definition, code point by code point.
bool reference(std::string_view s) {
    for (std::size_t i = 0; i < s.size();) {
        const auto c = static_cast<unsigned char>(s[i]);
        const int more = c < 0x80 ? 0 : c >= 0xC0 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF8 ? 3 : -1;
        if (more < 0 || i + static_cast<std::size_t>(more) >= s.size()) {
            return false;
        }
        unsigned v = more == 0 ? c : c & (0x3FU >> more);
        for (int k = 1; k <= more; ++k) {
            const auto d = static_cast<unsigned char>(s[i + static_cast<std::size_t>(k)]);
            if ((d & 0xC0U) != 0x80U) {
                return false;
            }
            v = v << 6U | (d & 0x3FU);
        }
        static constexpr unsigned least[] = {0, 0x80, 0x800, 0x10000};
        if (v < least[more] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF)) {
            return false;
        }
        i += static_cast<std::size_t>(more) + 1;
    }
    return true;
}

TEST(Utf8, TakesWhatIsWellFormed) {
    for (const auto s : {""sv, "plain"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv,
                         "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv, "\0"sv,
                         "twelve bytes of ASCII, then \xE5\xBC\xA0\xE4\xB8\x89 and more ASCII"sv}) {
        EXPECT_TRUE(valid_utf8(s)) << s;
    }
}

TEST(Utf8, RefusesWhatIsNot) {
    for (const auto s : {"\x80"sv, "\xBF"sv, "\xC0\xAF"sv, "\xC1\xBF"sv, "\xE0\x80\xAF"sv, "\xE0\x9F\xBF"sv, "\xED\xA0\x80"sv,
                         "\xED\xBF\xBF"sv, "\xF0\x80\x80\xAF"sv, "\xF0\x8F\xBF\xBF"sv, "\xF4\x90\x80\x80"sv,
                         "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv, "\xC3"sv, "\xE2\x82"sv, "\xF0\x9F\x98"sv, "12345678\xFF"sv,
                         "\xC3("
                         "rest"sv}) {
        EXPECT_FALSE(valid_utf8(s));
    }
}

TEST(Utf8, AgreesWithTheDefinitionOnEveryShortSequence) {
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            for (const unsigned c : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U}) {
                for (const unsigned d : {0x41U, 0x80U, 0xBFU, 0xFFU}) {
                    const std::string s{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
                    for (std::size_t n = 1; n <= 4; ++n) {
                        const auto part = std::string_view(s).substr(0, n);
                        ASSERT_EQ(valid_utf8(part), reference(part)) << a << ' ' << b << ' ' << c << ' ' << d;
                    }
                }
            }
        }
    }
}

TEST(Utf8, CheckerFailsAtTheFirstByteThatCannotBeMadeGood) {
    utf8_checker c;
    EXPECT_TRUE(c.feed("ok \xF4"));
    EXPECT_FALSE(c.complete());
    EXPECT_FALSE(c.feed("\x90")) << "beyond U+10FFFF whatever follows";
    EXPECT_FALSE(c.feed("a")) << "stays failed";
    EXPECT_FALSE(c.complete());
    c.reset();
    EXPECT_TRUE(c.feed("a"));
    EXPECT_TRUE(c.complete());
}

TEST(Utf8, CheckerGivesTheSameHoweverTheTextIsSplit) {
    const std::string good = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80z";
    for (std::size_t i = 0; i <= good.size(); ++i) {
        utf8_checker c;
        EXPECT_TRUE(c.feed(std::string_view(good).substr(0, i)));
        EXPECT_TRUE(c.feed(std::string_view(good).substr(i)));
        EXPECT_TRUE(c.complete());
    }
}

TEST(Utf8, ForPeopleWhatBelongsToNoCodePointIsMarked) {
    EXPECT_EQ(utf8_or_marks("a\xC3\xA4\xF0\x9F\x98\x80"), "a\xC3\xA4\xF0\x9F\x98\x80");
    EXPECT_EQ(utf8_or_marks("http://\xFF"), "http://\xEF\xBF\xBD");
    EXPECT_EQ(utf8_or_marks("\xE4\xB8x\xC3\xA4"), "\xEF\xBF\xBD\xEF\xBF\xBDx\xC3\xA4");
    EXPECT_EQ(utf8_or_marks("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace wsidecar::proto
