#include "proto/text/words.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::proto {
namespace {

/// Texts of every length around the word's, 7-bit and without what JSON escapes.
std::string plain(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
        out += static_cast<char>('a' + i % 26);
    }
    return out;
}

TEST(Words, ABigEndianNumberIsTakenFromTheFront) {
    const std::string bytes("\x81\x02\x03\x04\x05\x06\x07\x08\x09", 9);
    EXPECT_EQ(big_endian(bytes, 1), 0x81U);
    EXPECT_EQ(big_endian(bytes, 4), 0x81020304U);
    EXPECT_EQ(big_endian(bytes, 8), 0x8102030405060708U);
    for (std::size_t n = 1; n <= 8; ++n) {  // with and without bytes behind it
        EXPECT_EQ(big_endian(bytes.substr(0, n), n), big_endian(bytes, n)) << n;
    }
}

TEST(Words, BytesAreCopiedWhole) {
    for (std::size_t n = 0; n < 40; ++n) {
        const auto text = plain(n);
        std::string to(n + 2, '#');
        copy_bytes(text.data(), n, to.data() + 1);
        EXPECT_EQ(to, '#' + text + '#');
    }
}

TEST(Words, OneByteBeyondAsciiIsSeenAnywhere) {
    for (std::size_t n = 0; n < 40; ++n) {
        EXPECT_TRUE(is_ascii(plain(n)));
        for (std::size_t at = 0; at < n; ++at) {
            auto text = plain(n);
            text[at] = '\x80';
            EXPECT_FALSE(is_ascii(text)) << n << " " << at;
        }
    }
}

TEST(Words, OneByteThatJsonEscapesIsSeenAnywhere) {
    for (std::size_t n = 0; n < 40; ++n) {
        for (std::size_t at = 0; at < n; ++at) {
            for (int c = 0; c < 256; ++c) {
                auto text = plain(n);
                text[at] = static_cast<char>(c);
                std::string to(n + 2, '#');
                const bool escaped = c < 0x20 || c == '"' || c == '\\';
                ASSERT_EQ(copy_json_plain(text, to.data() + 1), !escaped) << n << " " << at << " " << c;
                ASSERT_TRUE(to.front() == '#' && to.back() == '#');
                if (!escaped) {
                    ASSERT_EQ(to, '#' + text + '#');
                }
            }
        }
    }
}

}  // namespace
}  // namespace wsidecar::proto
