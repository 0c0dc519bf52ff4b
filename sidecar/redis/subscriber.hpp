#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/channel_set.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/roster.hpp"
#include "sidecar/redis/shards.hpp"
#include "sidecar/redis/subscription_canary.hpp"

namespace wsidecar::redis {

/// Receives channel pushes (proto/README.md): it subscribes to the channels that this pod's connections can be addressed by, and to no others, with
/// SUBSCRIBE, or SSUBSCRIBE with redis.sharded. While a client holds a pattern of destinations, all destinations come by PSUBSCRIBE; sharded channels have
/// no patterns, so only what is broadcast reaches that client then. Delivery is at most once: what is published while the connection is down is lost. That
/// is noticed within 6 s by a canary (subscription_canary.hpp), and counted as a gap. Event loop only.
class subscriber {
public:
    struct hooks {
        /// A push for clients of this instance.
        std::function<void(const proto::envelope&)> push;
        /// The subscription is there again after it was broken: pushes may have been missed.
        std::function<void()> gap;
        /// Another instance has found other data in Redis than before: all renew their leases now; or ("+" and its name) it is new. `prefix`: of
        /// the shard that this is about.
        std::function<void(std::string_view prefix, std::string_view who)> roll_call;
        /// An instance asks all of them something for an operator (questions.hpp).
        std::function<void(std::string_view question)> question;
        /// An envelope of the `push` channel that can't be taken: its reason and its bytes.
        std::function<void(const char* label, std::string reason, std::string_view bytes)> reject;
        /// A message of a channel or pattern of `sources`, by its number there.
        std::function<void(std::size_t source, std::string_view channel, std::string_view payload)> source;
    };

    /// `link`: its own, in subscribed mode; `publisher`: the one that canaries leave through. `at`: with redis.sharded, the shard of the service whose
    /// channels these are; else one subscribes to those of all.
    subscriber(std::unique_ptr<command_port> link, command_port& publisher, const config::config& c, keys k, core::metrics& m,
               core::timer_port& timers, shard_number at = {});

    void start(const std::string& instance, const roster& all, hooks h);
    void stop();

    /// The names under which a connection can be addressed: all of them, each time. `done` runs once all are confirmed by Redis;
    /// at once when they are, or while the link is down.
    void want(const core::registration& r, std::function<void()> done);
    /// The connection is gone.
    void drop(const std::string& connection);

    void configure(const endpoint& where) { link_.configure(where); }
    /// A canary came back within the last 6 s.
    bool well() const;
    /// "ok", or what is wrong.
    std::string state() const;

private:
    void on_up();
    void on_down();
    void on_reply(proto::reply_view r);
    void on_message(std::string_view name, std::string_view payload);
    void push_message(proto::addresses to, std::string_view payload);
    void on_envelopes(std::string_view payload);
    void on_destination(std::string_view name, std::string_view payload);
    void on_broadcast(std::string_view payload);
    bool refuses_unsigned(std::string_view payload) const;
    bool by_pattern() const;
    void resubscribe();
    void subscribe_sources();
    void on_source(const std::unordered_map<std::string, std::vector<std::size_t>>& of, std::string_view key,
                   std::string_view channel, std::string_view payload);
    std::vector<std::string> names_of(const core::registration& r) const;
    void count_channels();
    std::vector<std::string> roll_calls_of_all() const;

    const config::config& config_;
    std::unique_ptr<command_port> own_link_;
    command_port& link_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    shard_number at_;
    std::set<std::string, std::less<>> kinds_;  ///< of addressed channels: `channels` in the configuration
    channel_set channels_;
    subscription_canary canary_;
    hooks hooks_;
    std::unordered_map<std::string, std::vector<std::size_t>> source_channels_;  ///< numbers in `sources`
    std::unordered_map<std::string, std::vector<std::size_t>> source_patterns_;
    std::set<std::string, std::less<>> sources_unconfirmed_;
    std::string all_destinations_;  ///< patterns of channels
    std::string all_broadcasts_;
    double counted_ = 0;                   ///< in the metric
    std::vector<std::string> roll_calls_;  ///< their channels
    std::string questions_;                ///< likewise
    bool subscribe_refused_ = false;
    core::timer_port::handle retry_;
    bool was_up_ = false;
};

}  // namespace wsidecar::redis
