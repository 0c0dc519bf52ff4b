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

/// Proves that the outbox works end to end. Every 2 s it pushes an envelope to this instance itself, which the router must bring to the
/// inbox. With many instances, one that is on duty (roster.hpp) pushes a canary to all of them every 3 s through the broadcast stream;
/// the others push their own only when neither that canary nor a push has arrived for longer. Event loop only.
class outbox_canary {
public:
    outbox_canary(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
                  shard_number at = {});

    void start(const std::string& instance, const roster& all);
    /// This instance has been registered, perhaps under a new id or in other data, so the last canary may be lost.
    void renew(const std::string& instance) {
        instance_ = instance;
        on_its_way_ = false;
    }
    /// No more are sent. An instance that drains routes nothing any more, so the last one may never come back.
    void stop() {
        timer_.reset();
        stopped_ = true;
    }

    /// A freshly routed push has arrived. With many instances, that counts as a canary.
    void proved();
    /// Returns whether the push is a canary, and records its arrival if so. A canary is for no client.
    bool take(const proto::envelope& push);
    /// Whether a canary has returned within the last 6 s, or start() was called within that time, or stop() was.
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
    std::string label_;  ///< the metric's label
    std::string instance_;
    const roster* roster_ = nullptr;
    core::timer_port::clock::time_point heard_;
    core::timer_port::clock::time_point heard_shared_;
    core::timer_port::handle timer_;
    bool stopped_ = false;
    bool on_its_way_ =
        false;  ///< no second canary is pushed behind one that waits, so that a blocked outbox does not fill with them
};

}  // namespace wsidecar::redis
