#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

// Numbers as Java's toString() writes them, all digits of them.

/// The shortest decimal that reads as the same value, with a point (`1.0`) or as `1.0E10`; never for NaN and infinities.
std::string java_double_text(double v);
std::string java_float_text(float v);

/// Decimal digits of an unsigned big endian number, without leading zeros; `0`.
std::string big_digits(std::string_view magnitude);

/// BigDecimal.toPlainString(); toString(), which may have an exponent, if the scale is beyond +-100.
std::string big_decimal_text(bool negative, std::string_view digits, std::int32_t scale);

}  // namespace wsidecar::proto
