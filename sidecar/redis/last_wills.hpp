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

/// Disconnect events that this instance's app has not accepted and that go to other instances (lua/bequeath.lua puts them into `lost`).
/// When Redis goes back in time, it may lose such an event or have the ended connection again. Each event is therefore remembered for a
/// while and written again to data that lack it. Event loop only.
class last_wills {
public:
    /// This instance's current registration.
    struct standing {
        std::string instance;
        std::string epoch;       ///< id of the data
        std::string generation;  ///< id of the data's history
    };
    /// `ask` returns the registration, or nullopt while nothing can be written to Redis.
    last_wills(command_port& link, const config::config& c, keys k, const core::timer_port& timers,
               std::function<std::optional<standing>()> ask)
        : link_(link), config_(c), keys_(std::move(k)), timers_(timers), ask_(std::move(ask)) {}

    /// Writes `entry`, an element of `lost`, to Redis now, or with the next say_unsaid().
    void leave(const std::string& connection, const std::string& entry);
    /// Writes the event of this connection again. Returns false if there is none.
    bool repeat(const std::string& connection);
    /// Writes the events again whose writes Redis has not answered.
    void say_unsaid();
    /// Writes the events again that the current data, or their history, may lack.
    void say_again();
    bool all_said() const { return unsaid_.empty(); }

private:
    struct will {
        std::string entry;
        core::timer_port::clock::time_point since;
        std::string epoch;  ///< id of the data that hold the event; empty if none do
        std::string generation;
    };

    bool may_be_lost(const will& w, const standing& now) const;

    command_port& link_;
    const config::config& config_;
    keys keys_;
    const core::timer_port& timers_;
    std::function<std::optional<standing>()> ask_;
    std::unordered_map<std::string, will> wills_;              ///< by connection; bounded
    std::deque<std::string> order_;                            ///< the oldest first
    std::vector<std::pair<std::string, std::string>> unsaid_;  ///< connection and entry
};

}  // namespace wsidecar::redis
