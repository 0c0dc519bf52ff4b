#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// The registrations of connections that have ended within `outbox.grace`. A Redis that goes back in time may lose both the existence
/// and the end of such a connection. Writing the end again tells Redis that the client may come back. Event loop only.
class recent_ends {
public:
    recent_ends(const config::config& c, const core::timer_port& timers) : config_(c), timers_(timers) {}

    /// Adds an ended connection. One without a user and aliases is ignored, because its return could not be recognized.
    void add(const core::registration& last);
    /// All of them, the oldest first.
    std::vector<core::registration> all();

private:
    void drop_old();

    const config::config& config_;
    const core::timer_port& timers_;
    std::deque<std::pair<core::timer_port::clock::time_point, core::registration>> ends_;
    std::unordered_set<std::string> connections_;
};

}  // namespace wsidecar::redis
