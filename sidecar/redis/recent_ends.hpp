#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// What the latest connections that have ended within outbox.grace were. A Redis that goes back in time may lose both that such a connection was there
/// and that it has ended; told again, it knows that the client may come back. Event loop only.
class recent_ends {
public:
    recent_ends(const config::config& c, const core::timer_port& timers) : config_(c), timers_(timers) {}

    /// Of a connection without a user and aliases nobody can tell whether it comes back: it is not kept.
    void add(const core::registration& last);
    /// The oldest first.
    std::vector<core::registration> all();

private:
    void drop_old();

    const config::config& config_;
    const core::timer_port& timers_;
    std::deque<std::pair<core::timer_port::clock::time_point, core::registration>> ends_;
    std::unordered_set<std::string> connections_;
};

}  // namespace wsidecar::redis
