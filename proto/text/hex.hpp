#pragma once

#include <string>
#include <string_view>

/// Hexadecimal digits (RFC 4648 section 8).
namespace wsidecar::proto {

inline constexpr std::string_view lower_hex_digits = "0123456789abcdef";
inline constexpr std::string_view upper_hex_digits = "0123456789ABCDEF";

/// Appends a byte as two digits.
inline void append_hex(std::string& out, unsigned char byte, std::string_view digits = lower_hex_digits) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
}

/// The value of a digit in either case; -1 if it is not a digit.
inline constexpr int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace wsidecar::proto
