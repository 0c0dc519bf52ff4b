#include "sidecar/core/handshake_rate.hpp"

#include <algorithm>

namespace wsidecar::core {

bool handshake_rate::take(std::string_view name, std::uint32_t per_second, timer_port::clock::time_point now) {
    using clock = timer_port::clock;
    if (per_second == 0) {
        return true;
    }
    auto& full = entry(keyed_hash(name), now);
    const auto until = full + std::chrono::duration_cast<clock::duration>(std::chrono::seconds(1)) / per_second;
    if (until - now > burst) {
        return false;
    }
    full = until;
    return true;
}

void handshake_rate::charge(std::string_view name, std::uint32_t per_second, timer_port::clock::duration time,
                            timer_port::clock::time_point now) {
    if (per_second != 0 && !name.empty()) {
        auto& full = entry(keyed_hash(name), now);
        full = std::min(full + time, now + 2 * burst);
    }
}

/// When this bucket is full again: now, or later.
timer_port::clock::time_point& handshake_rate::entry(std::uint64_t key, timer_port::clock::time_point now) {
    auto found = full_.find(key);
    if (found == full_.end()) {
        make_room(now);
        found = full_.emplace(key, now).first;
        order_.push_back(key);
    }
    found->second = std::max(found->second, now);
    return found->second;
}

/// Buckets that are full again are not needed. Two are looked at for each new one, so the table does not keep them for long.
void handshake_rate::make_room(timer_port::clock::time_point now) {
    for (std::size_t looked_at = 0; looked_at < 2 && !order_.empty(); ++looked_at) {
        const std::uint64_t key = order_.front();
        order_.pop_front();
        const auto found = full_.find(key);
        if (found->second <= now || full_.size() >= names_at_most) {
            full_.erase(found);
        } else {
            order_.push_back(key);
        }
    }
}

}  // namespace wsidecar::core
