#pragma once

#include <bit>
#include <boost/endian/conversion.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace wsidecar::proto {

// Bytes of a text looked at and copied eight at a time. The last eight overlap those before.

constexpr std::uint64_t every_byte(unsigned char c) {
    return c * 0x0101010101010101ULL;
}

template <class Word>
Word load_word(const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// The number that the first `bytes` (1 to 8) of a text are, which has as many.
inline std::uint64_t big_endian(std::string_view text, std::size_t bytes) {
    const auto* p = reinterpret_cast<const unsigned char*>(text.data());
    if (text.size() >= 8) {  // without a branch on the width
        return boost::endian::load_big_u64(p) >> (64 - 8 * bytes);
    }
    std::uint64_t n = 0;
    for (; bytes > 0; --bytes) {
        n = n << 8U | *p++;
    }
    return n;
}

/// std::memcpy for what is short.
inline void copy_bytes(const char* from, std::size_t n, char* to) {
    const auto ends = [&](auto word) {
        const auto last = load_word<decltype(word)>(from + n - sizeof word);
        word = load_word<decltype(word)>(from);
        std::memcpy(to, &word, sizeof word);
        std::memcpy(to + n - sizeof last, &last, sizeof last);
    };
    if (n > 16) {
        std::memcpy(to, from, n);
    } else if (n >= 8) {
        ends(std::uint64_t());
    } else if (n >= 4) {
        ends(std::uint32_t());
    } else if (n > 0) {
        to[0] = from[0];
        to[n / 2] = from[n / 2];
        to[n - 1] = from[n - 1];
    }
}

/// Calls f(word, offset) for words that cover a text of 8 bytes at least.
template <class F>
void each_word(std::string_view text, F f) {
    const auto last = text.size() - 8;
    for (std::size_t i = 0; i < last; i += 8) {
        f(load_word<std::uint64_t>(text.data() + i), i);
    }
    f(load_word<std::uint64_t>(text.data() + last), last);
}

/// The bytes of a text of 1 to 7, some of them repeated.
inline std::uint64_t short_word(std::string_view text) {
    const auto* p = text.data();
    const auto n = text.size();
    if (n >= 4) {
        return load_word<std::uint32_t>(p) | std::uint64_t(load_word<std::uint32_t>(p + n - 4)) << 32U;
    }
    const auto byte = [&](std::size_t i) -> std::uint64_t { return static_cast<unsigned char>(p[i]); };
    return byte(0) * every_byte(1) << 16U | byte(n / 2) << 8U | byte(n - 1);
}

inline bool is_ascii(std::string_view text) {
    std::uint64_t seen = 0;
    if (text.size() >= 8) {
        each_word(text, [&](std::uint64_t word, std::size_t) { seen |= word; });
    } else if (!text.empty()) {
        seen = short_word(text);
    }
    return (seen & every_byte(0x80)) == 0;
}

/// Not 0 if one of the bytes can't stand in a JSON string as it is: a quote, a backslash or a control character.
inline std::uint64_t json_special(std::uint64_t word) {
    const auto below = [](std::uint64_t w, unsigned char n) { return (w - every_byte(n)) & ~w & every_byte(0x80); };
    return below(word, 0x20) | below(word ^ every_byte('"'), 1) | below(word ^ every_byte('\\'), 1);
}

/// How many bytes from the front can stand in a JSON string as they are.
inline std::size_t json_plain(std::string_view text) {
    std::size_t i = 0;
    for (; text.size() - i >= 8; i += 8) {
        // The lowest byte that is marked is one; those above it may be marked by a borrow.
        if (const auto special =
                json_special(boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(text.data() + i)))) {
            return i + static_cast<std::size_t>(std::countr_zero(special)) / 8;
        }
    }
    for (; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == '"' || c == '\\') {
            break;
        }
    }
    return i;
}

/// Copies a text for a JSON string, if it can stand there as it is; else the bytes at `to` are of no use.
inline bool copy_json_plain(std::string_view text, char* to) {
    std::uint64_t special = 0;
    if (text.size() >= 8) {
        each_word(text, [&](std::uint64_t word, std::size_t at) {
            special |= json_special(word);
            std::memcpy(to + at, &word, 8);
        });
    } else if (!text.empty()) {
        special = json_special(short_word(text));
        copy_bytes(text.data(), text.size(), to);
    }
    return special == 0;
}

}  // namespace wsidecar::proto
