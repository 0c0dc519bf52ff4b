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
///
/// With several shards, each shard has an order of its own. `seq` then also contains the shard's number (in_shard), so that places of
/// different shards are never equal. Which of these is greater means nothing, except that sorting keeps the order within each shard.
struct place {
    std::uint64_t ms = 0;
    std::uint64_t seq = 0;

    // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the comparison with 0 for a pointer
    auto operator<=>(const place&) const = default;
    explicit operator bool() const { return ms != 0 || seq != 0; }
};

/// What one shard adds to `seq`, which routers keep below it. The largest has ten digits, as in the members of mailboxes.
inline constexpr std::uint64_t shard_unit = 100'000'000;

/// A place as its own shard has it, with the shard's number. A place that has a number already, and 0-0, stay as they are.
inline place in_shard(place p, unsigned shard) {
    return p && p.seq < shard_unit ? place{p.ms, p.seq + shard_unit * (shard + 1)} : p;
}

/// The place as its own shard has it.
inline place without_shard(place p) {
    return {p.ms, p.seq % shard_unit};
}

/// Identifies the order that a place belongs to: 0 if the service has one shard, otherwise the shard's number + 1.
inline std::uint64_t order_of(place p) {
    return p.seq / shard_unit;
}

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
