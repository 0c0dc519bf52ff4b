#pragma once

#include <cstdint>
#include <string_view>

namespace wsidecar::proto {

/// Whether `s` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool valid_utf8(std::string_view s);

/// The same in pieces. Fails at the first byte that no continuation could make good.
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

}  // namespace wsidecar::proto
