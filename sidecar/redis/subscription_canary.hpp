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

/// Proves that the subscription works: every 2 s a message that this instance publishes to itself. Of many instances, the first on duty (roster.hpp)
/// publishes one for all, the next one when it does not, and whoever hears none publishes its own. A connection on which none comes back is
/// made anew. Event loop only.
class subscription_canary {
public:
    /// `link`: the subscription's. `publisher`: what canaries leave through. `c`, `channels` and all others must outlive this.
    subscription_canary(command_port& link, command_port& publisher, channel_set& channels, const config::config& c, keys k,
                        core::metrics& m, core::timer_port& timers);

    /// Subscribes to its channel; begin() publishes.
    void start(const std::string& instance, const roster& all);
    void begin() { beat(); }
    void stop() { timer_.reset(); }
    /// The connection has come up, and all is being subscribed to.
    void on_up();
    /// Publishes this instance's own, now.
    void publish() { publish(own_); }
    /// Whether a message of this channel is a canary, which has been heard now.
    bool take(std::string_view channel);

    /// One came back within the last 6 s. Just started counts as well.
    bool well() const;
    /// Redis refuses to publish it.
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
    std::string own_;                            ///< channels
    std::string shared_;                         ///< for all instances, where there are many
    core::timer_port::clock::time_point heard_;  ///< when the last one came back, or this began
    core::timer_port::clock::time_point heard_shared_;
    core::timer_port::clock::time_point since_;  ///< when the connection came up, or Redis last refused to publish
    bool refused_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
