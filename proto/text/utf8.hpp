#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Whether `s` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool valid_utf8(std::string_view s);

/// The text for people and JSON, whatever it holds: each byte that belongs to no code point is U+FFFD there.
std::string utf8_or_marks(std::string_view s);

/// The start of well-formed text: at most `most` bytes, no character cut.
std::string_view whole_characters(std::string_view s, std::size_t most);

/// The same as valid_utf8() in pieces. Fails at the first byte that no continuation could make good.
class utf8_checker {
public:
    /// False once the bytes so far begin no well-formed text; stays false until reset().
    bool feed(std::string_view s);
    /// No code point is unfinished (and feed() never failed).
    bool complete() const { return need_ == 0; }
    void reset() { *this = {}; }

private:
    bool step(unsigned char c);

    static constexpr std::uint8_t failed = 0xFF;
    std::uint8_t need_ = 0;    ///< continuation bytes still due
    std::uint8_t low_ = 0x80;  ///< what the next one may be
    std::uint8_t high_ = 0xBF;
};
static_assert(sizeof(utf8_checker) <= 4);

/// Appends one code point, at most 0x10FFFF, in UTF-8 (RFC 3629). A surrogate is written like any other: whoever reads UTF-16 decides
/// about those.
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
