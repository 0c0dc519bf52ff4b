#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// Ends of connections that Redis has not heard of, because it was away or refused the script. They are said again with a heartbeat, or soon where
/// Redis is there and has refused. Meanwhile pushes that have ended with such a connection wait, at most for a while: Redis would route them here
/// again, many times in a moment. Event loop only.
class unsaid_ends {
public:
    enum class step : std::uint8_t {
        retire,  ///< the connection has ended
        forget,  ///< and its disconnect event was sent
    };
    struct end {
        step what;
        core::registration last;  ///< what the connection was; to be forgotten, its id is enough
    };
    enum class cause : std::uint8_t { redis_down, redis_refused };

    explicit unsaid_ends(core::timer_port& timers) : timers_(timers) {}

    /// `say`: called a moment after a refusal.
    void start(std::function<void()> say) { say_ = std::move(say); }
    void stop() { timer_.reset(); }

    void add(step what, const core::registration& last, cause why);
    /// All of them, in order: they are to be said now.
    std::vector<end> take() { return std::exchange(ends_, {}); }
    void clear() { ends_.clear(); }
    bool empty() const { return ends_.empty(); }
    /// Pushes that have ended must not be given back yet.
    bool hold_pushes_back() const;

private:
    core::timer_port& timers_;
    std::function<void()> say_;
    std::vector<end> ends_;
    core::timer_port::clock::time_point since_{};   ///< since when some have been unsaid without a break
    core::timer_port::clock::time_point latest_{};  ///< when one was added last
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
