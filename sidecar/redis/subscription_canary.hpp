#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/channel_set.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/roster.hpp"

namespace wsidecar::redis {

/// Proves that the subscription works. Every 2 s this instance publishes a canary to itself. With many instances, the first one on duty
/// (roster.hpp) publishes a canary to all of them, the next one does if the first does not, and an instance that receives none publishes
/// its own. A connection on which no canary returns is dropped and dialled again. Event loop only.
class subscription_canary {
public:
    /// `link` is the subscriber's connection, and `publisher` sends the canaries. All references must outlive this object.
    subscription_canary(command_port& link, command_port& publisher, channel_set& channels, const config::config& c, keys k,
                        core::metrics& m, core::timer_port& timers);

    /// Subscribes to the canaries' channels. begin() starts publishing.
    void start(const std::string& instance, const roster& all);
    void begin() { beat(); }
    void stop() { timer_.reset(); }
    /// The connection is up and subscribe commands are under way.
    void on_up();
    /// Publishes this instance's own canary now.
    void publish() { publish(own_); }
    /// Returns whether the channel is that of a canary, and records its arrival if so.
    bool take(std::string_view channel);

    /// Whether a canary has returned within the last 6 s, or start() was called within that time.
    bool well() const;
    /// Whether Redis refuses to publish the canary.
    bool refused() const { return refused_; }

private:
    void beat();
    void beat_of_many();
    bool reset_if_silent();
    void publish(const std::string& channel);

    command_port& link_;
    command_port& publisher_;
    channel_set& channels_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    const roster* roster_ = nullptr;
    std::string own_;                            ///< the channel of this instance's own canary
    std::string shared_;                         ///< the channel of the canary to all instances
    core::timer_port::clock::time_point heard_;  ///< when the last canary returned, or when this object was started
    core::timer_port::clock::time_point heard_shared_;
    core::timer_port::clock::time_point since_;  ///< when the connection came up, or Redis last refused to publish
    bool refused_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
