#include "proto/spring/java_number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace wsidecar::proto {
namespace {

/// A point after the first digit, and at least one digit behind it.
std::string with_point(std::string_view digits) {
    std::string out(digits.substr(0, 1));
    out += '.';
    return out += digits.size() > 1 ? digits.substr(1) : "0";
}

template <class T>
std::string real_text(T v) {
    std::array<char, 48> buffer;
    const auto write = [&](auto... precision) {
        return std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(v), std::chars_format::scientific,
                             precision...)
            .ptr;
    };
    const auto* end = write();
    if (buffer[1] == 'e') {
        end = write(1);  // of one digit, Java takes the nearest of two: 4.9E-324
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const auto e = text.find('e');
    int exponent = 0;
    const auto* from = buffer.data() + e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(from, end, exponent);
    std::string digits(text.substr(0, e));
    std::erase(digits, '.');
    if (digits.size() == 2 && digits[1] == '0') {
        digits.pop_back();
    }

    std::string out = std::signbit(v) ? "-" : "";
    if (v == 0) {
        return out + "0.0";
    }
    if (exponent < -3 || exponent >= 7) {
        return out + with_point(digits) + 'E' + std::to_string(exponent);
    }
    if (exponent < 0) {
        return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    }
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) {
        return out + digits + std::string(whole - digits.size(), '0') + ".0";
    }
    return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

}  // namespace

std::string java_double_text(double v) {
    return real_text(v);
}

std::string java_float_text(float v) {
    return real_text(v);
}

std::string big_digits(std::string_view magnitude) {
    std::vector<std::uint32_t> words;  // most significant first
    for (std::size_t i = 0; i < magnitude.size(); ++i) {
        if (i == 0 || (magnitude.size() - i) % 4 == 0) {
            words.push_back(0);
        }
        words.back() = words.back() << 8U | static_cast<unsigned char>(magnitude[i]);
    }
    std::string out;  // least significant digit first
    std::size_t first = 0;
    while (first < words.size()) {
        constexpr std::uint64_t base = 1'000'000'000;
        std::uint64_t rest = 0;
        for (std::size_t i = first; i < words.size(); ++i) {
            const auto part = rest << 32U | words[i];
            words[i] = static_cast<std::uint32_t>(part / base);
            rest = part % base;
        }
        while (first < words.size() && words[first] == 0) {
            ++first;
        }
        for (int i = 0; i < 9; ++i, rest /= 10) {
            out += static_cast<char>('0' + rest % 10);
        }
    }
    while (!out.empty() && out.back() == '0') {
        out.pop_back();
    }
    std::reverse(out.begin(), out.end());
    return out.empty() ? "0" : out;
}

std::string big_decimal_text(bool negative, std::string_view digits, std::int32_t scale) {
    std::string out = negative ? "-" : "";
    const auto exponent = static_cast<std::int64_t>(digits.size()) - 1 - scale;
    if (scale < -100 || (scale > 100 && exponent < -6)) {
        out += digits.size() > 1 ? with_point(digits) : std::string(digits);
        out += exponent > 0 ? "E+" : "E";
        return out + std::to_string(exponent);
    }
    if (scale <= 0) {
        out += digits;
        return digits == "0" ? out : out.append(static_cast<std::size_t>(-scale), '0');
    }
    const auto places = static_cast<std::size_t>(scale);
    const std::string zeros(digits.size() <= places ? places + 1 - digits.size() : 0, '0');
    const auto all = zeros + std::string(digits);
    return out + all.substr(0, all.size() - places) + '.' + all.substr(all.size() - places);
}

}  // namespace wsidecar::proto
