#include "proto/trace/traceparent.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "proto/text/hex.hpp"
#include "proto/text/ids.hpp"

namespace wsidecar::proto {
namespace {

void append_hex64(std::string& out, std::uint64_t v) {
    // Two digits for each byte.
    static constexpr auto pairs = [] {
        std::array<std::array<char, 2>, 256> all{};
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i] = {lower_hex_digits[i >> 4U], lower_hex_digits[i & 15U]};
        }
        return all;
    }();
    std::array<char, 16> digits;
    for (std::size_t i = 0; i < 8; ++i) {
        std::memcpy(&digits[2 * i], pairs[(v >> (56U - 8 * i)) & 255U].data(), 2);
    }
    out.append(digits.data(), digits.size());
}

bool is_lower_hex(std::string_view s) {
    return std::all_of(s.begin(), s.end(), [](char c) { return lower_hex_digits.find(c) != std::string_view::npos; });
}

bool all_zero(std::string_view s) {
    return s.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

bool valid_traceparent(std::string_view v) {
    return v.size() == 55 && v.substr(0, 3) == "00-" && v[35] == '-' && v[52] == '-' && is_lower_hex(v.substr(3, 32)) &&
           is_lower_hex(v.substr(36, 16)) && is_lower_hex(v.substr(53, 2)) && !all_zero(v.substr(3, 32)) &&
           !all_zero(v.substr(36, 16));
}

std::string new_trace() {
    std::string out = "00-";
    out.reserve(55);
    append_hex64(out, random_bits() | 1U);
    append_hex64(out, random_bits());
    out += '-';
    append_hex64(out, random_bits() | 1U);
    out += "-01";
    return out;
}

std::string continue_trace(std::string_view parent) {
    if (!valid_traceparent(parent)) {
        return new_trace();
    }
    std::string out(parent.substr(0, 36));
    append_hex64(out, random_bits() | 1U);
    out += parent.substr(52);
    return out;
}

}  // namespace wsidecar::proto
