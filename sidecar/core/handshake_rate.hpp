#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// A token bucket for each name (a client's address or a user). A bucket holds the tokens of `burst`, and a handshake takes one. Names are
/// stored as keyed hashes, so entries have a fixed size. When the table is full, the oldest entry is removed, and its name has a full bucket
/// again. Event loop only.
class handshake_rate {
public:
    static constexpr std::size_t names_at_most = 16'384;
    static constexpr std::chrono::seconds burst{10};

    /// Takes a token from the bucket of `name`, which is refilled with `per_second` tokens (0 for no limit). Returns false if it is empty.
    bool take(std::string_view name, std::uint32_t per_second, timer_port::clock::time_point now);
    /// Takes the tokens of `time` from the bucket of `name`. The debt is bounded: the bucket is full again after twice `burst` at most.
    void charge(std::string_view name, std::uint32_t per_second, timer_port::clock::duration time,
                timer_port::clock::time_point now);
    std::size_t names() const { return full_.size(); }

private:
    timer_port::clock::time_point& entry(std::uint64_t key, timer_port::clock::time_point now);
    void make_room(timer_port::clock::time_point now);

    std::unordered_map<std::uint64_t, timer_port::clock::time_point> full_;  ///< the time when each bucket is full again
    std::deque<std::uint64_t> order_;                                        ///< the keys of full_, the oldest first
};

}  // namespace wsidecar::core
