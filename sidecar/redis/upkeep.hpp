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

/// Counts `n` ends under this reason, and as hits of the limit of that name.
void count_ends(core::metrics& m, core::family& family, const char* reason, proto::reply_view n);

/// What the instance that routes the outbox does now and then: takes out of the broadcast stream what every instance has delivered (lua/trim_broadcast.lua),
/// ends what has waited in mailboxes for too long (lua/sweep.lua), and takes out of histories what is too old (lua/age_history.lua). Event loop only.
class upkeep {
public:
    /// `link`: the router's. `leads`: whether this instance still routes.
    upkeep(command_port& link, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
           std::function<bool()> leads);

    /// This instance begins to route `feed` (router::feed::name): its history rules count from now on.
    void begin(const std::string& feed);
    /// Does what is due.
    void run();
    /// This instance routes the outbox no more.
    void end();

private:
    void sweep();
    void age_histories();

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::function<bool()> leads_;
    double mailboxes_ = 0;  ///< in the gauge
    core::timer_port::clock::time_point trimmed_;
    core::timer_port::clock::time_point swept_;
    std::vector<std::string> old_histories_;  ///< names some of whose history is too old
};

}  // namespace wsidecar::redis
