#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// Ends of connections that are not in Redis yet, because Redis was away or refused the script. They are written again after a heartbeat,
/// or soon after a refusal. Meanwhile, for a limited time, pushes that ended with such a connection are held back, because Redis would
/// route them here again in a tight loop. Event loop only.
class unsaid_ends {
public:
    enum class step : std::uint8_t {
        retire,  ///< remove the connection from presence and routing
        forget,  ///< remove its record, because its disconnect event was sent
    };
    struct end {
        step what;
        core::registration last;  ///< the last registration; for `forget` only the id is used
    };
    enum class cause : std::uint8_t { redis_down, redis_refused };

    explicit unsaid_ends(core::timer_port& timers) : timers_(timers) {}

    /// `say` is called shortly after a refusal and must write the ends again.
    void start(std::function<void()> say) { say_ = std::move(say); }
    void stop() { timer_.reset(); }

    void add(step what, const core::registration& last, cause why);
    /// Removes and returns all ends, in order, to be written now.
    std::vector<end> take() { return std::exchange(ends_, {}); }
    void clear() { ends_.clear(); }
    bool empty() const { return ends_.empty(); }
    /// Whether pushes must not be given back yet.
    bool hold_pushes_back() const;

private:
    core::timer_port& timers_;
    std::function<void()> say_;
    std::vector<end> ends_;
    core::timer_port::clock::time_point since_{};   ///< since when the list has not been empty
    core::timer_port::clock::time_point latest_{};  ///< when an end was last added
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
