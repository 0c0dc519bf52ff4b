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

/// A token bucket for each name (a client's address, a user): it holds the tokens of `burst`, and handshakes take one each. Names are
/// kept as keyed hashes, so an entry is small whatever a client calls itself. When the table is full, the entry that has been there longest
/// makes room: its name then has a full bucket.
class handshake_rate {
public:
    static constexpr std::size_t names_at_most = 16'384;
    static constexpr std::chrono::seconds burst{10};

    /// Takes a token of `name`, which gets `per_second` new ones. False: it has none left. 0: no limit.
    bool take(std::string_view name, std::uint32_t per_second, timer_port::clock::time_point now);
    /// `name` has cost as much as the handshakes of `time`. Its bucket may be empty for as long as it was to fill, and no longer.
    void charge(std::string_view name, std::uint32_t per_second, timer_port::clock::duration time,
                timer_port::clock::time_point now);
    std::size_t names() const { return full_.size(); }

private:
    timer_port::clock::time_point& entry(std::uint64_t key, timer_port::clock::time_point now);
    void make_room(timer_port::clock::time_point now);

    std::unordered_map<std::uint64_t, timer_port::clock::time_point> full_;  ///< when each bucket is full again
    std::deque<std::uint64_t> order_;                                        ///< every key of full_ once
};

}  // namespace wsidecar::core
