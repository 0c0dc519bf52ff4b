#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::core {

/// The position of an outbox push in the order of all pushes: the id that the router gave it when it first routed it. Places grow from one
/// push to the next, whatever their targets. A channel push has no place.
struct place {
    std::uint64_t ms = 0;
    std::uint64_t seq = 0;

    auto operator<=>(const place&) const = default;
    explicit operator bool() const { return ms != 0 || seq != 0; }
};

/// Writes a place as `<ms>-<seq>`, the form of stream ids in Redis.
inline std::string text_of(place p) {
    return std::to_string(p.ms) + '-' + std::to_string(p.seq);
}

/// Parses a place. Returns nullopt if the text is malformed or the place is zero.
inline std::optional<place> read_place(std::string_view text) {
    constexpr std::size_t longest = 41;
    place p;
    const char* const end = text.data() + text.size();
    const auto ms = std::from_chars(text.data(), end, p.ms);
    if (text.size() > longest || ms.ec != std::errc{} || ms.ptr == end || *ms.ptr != '-') {
        return std::nullopt;
    }
    const auto seq = std::from_chars(ms.ptr + 1, end, p.seq);
    return seq.ec == std::errc{} && seq.ptr == end && p ? std::optional(p) : std::nullopt;
}

}  // namespace wsidecar::core
