#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Whether `s` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool valid_utf8(std::string_view s);

/// Converts any bytes to text for people and JSON: each byte that belongs to no code point becomes U+FFFD.
std::string utf8_or_marks(std::string_view s);

/// The longest start of a well-formed text that has at most `most` bytes and ends with a whole character.
std::string_view whole_characters(std::string_view s, std::size_t most);

/// Does what valid_utf8() does, piece by piece. Fails at the first byte after which no continuation can be valid.
class utf8_checker {
public:
    /// Returns false when the bytes so far cannot begin a well-formed text, and then always until reset().
    bool feed(std::string_view s);
    /// Whether no code point is incomplete. Meaningful only if feed() never failed.
    bool complete() const { return need_ == 0; }
    void reset() { *this = {}; }

private:
    bool step(unsigned char c);

    static constexpr std::uint8_t failed = 0xFF;
    std::uint8_t need_ = 0;    ///< continuation bytes that are missing
    std::uint8_t low_ = 0x80;  ///< the least value of the next one
    std::uint8_t high_ = 0xBF;
};
static_assert(sizeof(utf8_checker) <= 4);

/// Appends one code point (at most 0x10FFFF) in UTF-8 (RFC 3629). Surrogates are written like all others; the reader of UTF-16 has to
/// deal with them.
inline void append_code_point(std::string& out, std::uint32_t c) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0U | c >> 6U);
        put(0x80U | (c & 0x3FU));
    } else if (c < 0x10000) {
        put(0xE0U | c >> 12U);
        put(0x80U | (c >> 6U & 0x3FU));
        put(0x80U | (c & 0x3FU));
    } else {
        put(0xF0U | c >> 18U);
        put(0x80U | (c >> 12U & 0x3FU));
        put(0x80U | (c >> 6U & 0x3FU));
        put(0x80U | (c & 0x3FU));
    }
}

}  // namespace wsidecar::proto
