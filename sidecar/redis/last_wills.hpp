#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Disconnect events that this instance's app has not taken, and that other instances' apps get (lua/bequeath.lua puts them into `lost`). Redis may
/// lose one, or have its connection again, when it goes back in time: so each is remembered for a while, and said again to data that have not had it.
/// Event loop only.
class last_wills {
public:
    /// How this instance is registered.
    struct standing {
        std::string instance;
        std::string epoch;       ///< of the data
        std::string generation;  ///< their history
    };
    /// `ask`: nullopt while nothing can be said to Redis.
    last_wills(command_port& link, const config::config& c, keys k, const core::timer_port& timers,
               std::function<std::optional<standing>()> ask)
        : link_(link), config_(c), keys_(std::move(k)), timers_(timers), ask_(std::move(ask)) {}

    /// `entry`: an element of `lost`. It is said now, or with the next say_unsaid().
    void leave(const std::string& connection, const std::string& entry);
    /// Says the event of this connection again. False: there is none.
    bool repeat(const std::string& connection);
    /// What Redis has not answered.
    void say_unsaid();
    /// What these data, or their history, may not have.
    void say_again();
    bool all_said() const { return unsaid_.empty(); }

private:
    struct will {
        std::string entry;
        core::timer_port::clock::time_point since;
        std::string epoch;  ///< the data, and their history, that have taken it; empty: none
        std::string generation;
    };

    bool may_be_lost(const will& w, const standing& now) const;

    command_port& link_;
    const config::config& config_;
    keys keys_;
    const core::timer_port& timers_;
    std::function<std::optional<standing>()> ask_;
    std::unordered_map<std::string, will> wills_;              ///< by connection; a bounded number
    std::deque<std::string> order_;                            ///< the oldest first
    std::vector<std::pair<std::string, std::string>> unsaid_;  ///< connection and entry
};

}  // namespace wsidecar::redis
