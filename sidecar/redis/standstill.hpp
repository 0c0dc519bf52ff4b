#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// Notices that this process stood still (SIGSTOP, a paused virtual machine) by a regular call that came too late. Event loop only.
class standstill {
public:
    using time_point = core::timer_port::clock::time_point;

    /// The call that is made every `longest` / 3 or more often.
    void tick(time_point now, std::chrono::milliseconds longest) {
        seen_ = seen_ || (last_ && now - *last_ > longest);
        last_ = now;
    }
    /// Whether it has stood still since the last call of ended().
    bool ended() { return std::exchange(seen_, false); }

private:
    std::optional<time_point> last_;
    bool seen_ = false;
};

}  // namespace wsidecar::redis
