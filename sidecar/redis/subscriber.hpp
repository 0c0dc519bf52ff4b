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

/// Receives channel pushes (proto/README.md). It subscribes only to the channels by which this instance's connections can be addressed,
/// with SUBSCRIBE, or SSUBSCRIBE with redis.sharded. While a client is subscribed to a pattern of destinations, PSUBSCRIBE brings all
/// destinations. Sharded channels have no patterns, so such a client then gets only broadcasts. Delivery is at most once: messages
/// published while the connection is down are lost. A canary detects this within 6 s (subscription_canary.hpp), and it is counted as a
/// gap. Event loop only.
class subscriber {
public:
    struct hooks {
        /// Delivers a push to clients of this instance.
        std::function<void(const proto::envelope&)> push;
        /// The subscription works again after an interruption, during which pushes may have been missed.
        std::function<void()> gap;
        /// Another instance has found other data in Redis, so all must renew their leases now, or it is new (`who` is "+" and its id).
        /// `prefix` is that of the shard concerned.
        std::function<void(std::string_view prefix, std::string_view who)> roll_call;
        /// Another instance asks an operator's question (questions.hpp).
        std::function<void(std::string_view question)> question;
        /// Rejects an envelope of the `push` channel. `label` is the metric label; `bytes` is the envelope.
        std::function<void(const char* label, std::string reason, std::string_view bytes)> reject;
        /// Handles a message of a channel or pattern of `sources`. `source` is its index there.
        std::function<void(std::size_t source, std::string_view channel, std::string_view payload)> source;
    };

    /// `link` is the subscriber's own connection in subscribed mode. `publisher` sends canaries. With redis.sharded, `at` is the shard whose
    /// channels are subscribed to; otherwise one subscriber serves all shards.
    subscriber(std::unique_ptr<command_port> link, command_port& publisher, const config::config& c, keys k, core::metrics& m,
               core::timer_port& timers, shard_number at = {});

    void start(const std::string& instance, const roster& all, hooks h);
    void stop();

    /// Subscribes to all channels by which a connection can be addressed, and drops those that it no longer needs. `done` runs when Redis
    /// has confirmed all of them, and before want() returns if it already has or if the connection to Redis is down.
    void want(const core::registration& r, std::function<void()> done);
    /// Releases the channels of a connection that has ended.
    void drop(const std::string& connection);

    void configure(const endpoint& where) { link_.configure(where); }
    /// Whether a canary has returned within the last 6 s.
    bool well() const;
    /// "ok", or a description of the problem for operators.
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
    std::set<std::string, std::less<>> kinds_;  ///< kinds of channels to subscribe to (`channels` in the configuration)
    channel_set channels_;
    subscription_canary canary_;
    hooks hooks_;
    std::unordered_map<std::string, std::vector<std::size_t>> source_channels_;  ///< channel -> indices in `sources`
    std::unordered_map<std::string, std::vector<std::size_t>> source_patterns_;
    std::set<std::string, std::less<>> sources_unconfirmed_;
    std::string all_destinations_;  ///< a channel pattern
    std::string all_broadcasts_;
    double counted_ = 0;                   ///< this object's share of the metric
    std::vector<std::string> roll_calls_;  ///< the channels of roll calls
    std::string questions_;                ///< the channel of questions
    bool subscribe_refused_ = false;
    core::timer_port::handle retry_;
    bool was_up_ = false;
};

}  // namespace wsidecar::redis
