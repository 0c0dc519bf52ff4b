#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Adds `n` to the counter of `family` with this reason, and to the hits of the limit of the same name.
void count_ends(core::metrics& m, core::family& family, const char* reason, proto::reply_view n);

/// Periodic work of the instance that routes the outbox: it trims the broadcast stream up to what every instance has delivered
/// (lua/trim_broadcast.lua), ends pushes that have waited in mailboxes for too long (lua/sweep.lua), and removes old pushes from histories
/// (lua/age_history.lua). Event loop only.
class upkeep {
public:
    /// `link` is the router's connection. `leads` returns whether this instance still routes.
    upkeep(command_port& link, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
           std::function<bool()> leads);

    /// This instance begins to route `feed` (router::feed::name): stores its history rules in Redis.
    void begin(const std::string& feed);
    /// Does the work that is due.
    void run();
    /// This instance no longer routes the outbox.
    void end();

private:
    void sweep();
    void age_histories();
    void count_histories(double names, double bytes);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::function<bool()> leads_;
    // This object's shares of the gauges.
    double mailboxes_ = 0;
    double histories_ = 0;
    double history_bytes_ = 0;
    core::timer_port::clock::time_point trimmed_;
    core::timer_port::clock::time_point swept_;
    std::vector<std::string> old_histories_;  ///< names whose history contains old pushes
};

}  // namespace wsidecar::redis
