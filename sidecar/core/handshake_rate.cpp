#include "sidecar/core/handshake_rate.hpp"

#include <algorithm>

namespace wsidecar::core {

bool handshake_rate::take(std::string_view name, std::uint32_t per_second, timer_port::clock::time_point now) {
    using clock = timer_port::clock;
    if (per_second == 0) {
        return true;
    }
    const std::uint64_t key = keyed_hash(name);
    const auto found = full_.find(key);
    const auto until = std::max(now, found == full_.end() ? now : found->second) +
                       std::chrono::duration_cast<clock::duration>(std::chrono::seconds(1)) / per_second;
    if (until - now > burst) {
        return false;
    }
    if (found != full_.end()) {
        found->second = until;
        return true;
    }
    make_room(now);
    full_.emplace(key, until);
    order_.push_back(key);
    return true;
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
