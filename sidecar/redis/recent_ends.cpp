#include "sidecar/redis/recent_ends.hpp"

#include <cstddef>

namespace wsidecar::redis {
namespace {

constexpr std::size_t at_most = 4096;

}  // namespace

void recent_ends::add(const core::registration& last) {
    if ((last.user.empty() && last.aliases.empty()) || !connections_.insert(last.connection).second) {
        return;
    }
    ends_.emplace_back(timers_.now(), last);
    drop_old();
}

std::vector<core::registration> recent_ends::all() {
    drop_old();
    std::vector<core::registration> out;
    out.reserve(ends_.size());
    for (const auto& [since, last] : ends_) {
        out.push_back(last);
    }
    return out;
}

void recent_ends::drop_old() {
    const auto now = timers_.now();
    while (!ends_.empty() && (ends_.size() > at_most || now - ends_.front().first > config_.outbox.grace)) {
        connections_.erase(ends_.front().second.connection);
        ends_.pop_front();
    }
}

}  // namespace wsidecar::redis
