#pragma once

#include <string>

#include "config/config.hpp"
#include "proto/envelope.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/roster.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Proves the outbox end to end: every 2 s an envelope to this instance itself, which some router has to bring to its inbox. Of many
/// instances, one on duty (roster.hpp) sends one to all every 3 s, by way of the broadcast stream; the others send theirs only when nothing has come for
/// longer: neither that one nor a push. Event loop only.
class outbox_canary {
public:
    outbox_canary(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
                  shard_number at = {});

    void start(const std::string& instance, const roster& all);
    /// This instance is registered (again), perhaps under a new id or in other data: the last canary may be gone.
    void renew(const std::string& instance) {
        instance_ = instance;
        on_its_way_ = false;
    }
    /// No more are sent. An instance that drains routes nothing any more, so the last one may never come back.
    void stop() {
        timer_.reset();
        stopped_ = true;
    }

    /// A push that a router has just routed has come: where there are many instances, that proves as much.
    void proved();
    /// Whether the push is a canary (then it has been heard, and is for no client).
    bool take(const proto::envelope& push);
    /// One came back within the last 6 s. Just started counts as well, and so does stopped.
    bool well() const;

private:
    void beat();
    std::string own_name() const;
    void send(const std::string& to);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string label_;  ///< in the metric
    std::string instance_;
    const roster* roster_ = nullptr;
    core::timer_port::clock::time_point heard_;
    core::timer_port::clock::time_point heard_shared_;
    core::timer_port::handle timer_;
    bool stopped_ = false;
    bool on_its_way_ = false;  ///< none is added behind one that waits: an outbox that stands does not fill with them
};

}  // namespace wsidecar::redis
