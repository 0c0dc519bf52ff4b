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
#include "sidecar/core/text.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/roster.hpp"

namespace wsidecar::redis {

/// The addressed channels (contract section 3, door 1): subscribes to what this pod's connections can be addressed by, and to
/// nothing else, with SUBSCRIBE (SSUBSCRIBE with redis.sharded). While a client holds a pattern of destinations, all destinations come by
/// PSUBSCRIBE (sharded channels have no patterns: then only what is broadcast reaches it). At most once: what is published while the link is down is
/// lost, noticed within 6 s by a canary to itself, and counted as a gap. Event loop only.
class subscriber {
public:
    struct hooks {
        std::function<void(const proto::envelope&)> push;
        std::function<void()> gap;
        /// Another instance has found other data in Redis than before: all renew their leases now; or ("+" and its name) it is new.
        std::function<void(std::string_view who)> roll_call;
        /// An instance asks all of them something for an operator (questions.hpp).
        std::function<void(std::string_view question)> question;
        /// An envelope of the `push` channel that can't be taken: its reason and its bytes.
        std::function<void(const char* label, std::string reason, std::string_view bytes)> reject;
        /// A message of a channel or pattern of `sources`, by its number there.
        std::function<void(std::size_t source, std::string_view channel, std::string_view payload)> source;
    };

    /// `link`: its own, in subscribed mode; `publisher`: the one that canaries leave through.
    subscriber(std::unique_ptr<command_port> link, command_port& publisher, const config::config& c, keys k, core::metrics& m,
               core::timer_port& timers);

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
    struct waiter {
        std::size_t missing = 0;
        std::function<void()> done;
    };
    struct channel {
        std::uint32_t users = 0;
        std::uint32_t unconfirmed = 0;                                  ///< SUBSCRIBEs on their way
        std::unique_ptr<std::vector<std::shared_ptr<waiter>>> waiting;  ///< null: nobody
    };
    template <class T>
    using by_name = std::unordered_map<core::text, T, core::text_hash, core::text_equal>;
    using channels = by_name<channel>;
    /// The entry of this name, an empty one if there was none.
    template <class T>
    static typename by_name<T>::value_type& entry_of(by_name<T>& in, std::string_view name) {
        const auto it = in.find(name);
        return it != in.end() ? *it : *in.emplace(name, T()).first;
    }

    void on_up();
    void on_down();
    void on_reply(proto::reply_view r);
    void on_message(std::string_view name, std::string_view payload);
    void on_confirmed(std::string_view name);
    void on_envelopes(std::string_view payload);
    void on_destination(std::string_view name, std::string_view payload);
    void on_broadcast(std::string_view payload);
    bool refuses_unsigned(std::string_view payload) const;
    bool is_pattern(std::string_view name) const;
    bool by_pattern() const;
    void beat();
    void beat_of_many();
    bool reset_if_silent();
    void publish_canary();
    void publish(const std::string& canary);
    void resubscribe();
    void subscribe_sources();
    void on_source(const std::unordered_map<std::string, std::vector<std::size_t>>& of, std::string_view key,
                   std::string_view channel, std::string_view payload);
    void release(channels::value_type& c);
    void subscribe(const std::vector<std::string>& names);
    std::vector<std::string> names_of(const core::registration& r) const;

    const config::config& config_;
    command_port& publisher_;
    std::unique_ptr<command_port> own_link_;
    command_port& link_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    hooks hooks_;
    channels channels_;
    by_name<std::vector<channels::value_type*>> held_;  ///< by connection
    std::set<std::string, std::less<>> kinds_;
    std::unordered_map<std::string, std::vector<std::size_t>> source_channels_;  ///< numbers in `sources`
    std::unordered_map<std::string, std::vector<std::size_t>> source_patterns_;
    std::set<std::string, std::less<>> sources_unconfirmed_;
    std::string all_destinations_;  ///< patterns of channels
    std::string all_broadcasts_;
    std::string canary_;
    std::string shared_canary_;  ///< likewise of all: where there are many, one on duty publishes it
    core::timer_port::clock::time_point heard_shared_;
    const roster* roster_ = nullptr;
    std::string roll_call_;                      ///< its channel
    std::string questions_;                      ///< likewise
    core::timer_port::clock::time_point heard_;  ///< when the last canary came back, or this began
    core::timer_port::clock::time_point since_;  ///< when the link came up, or Redis last refused to publish
    bool publish_refused_ = false;
    bool subscribe_refused_ = false;
    core::timer_port::handle timer_;
    core::timer_port::handle retry_;
    bool was_up_ = false;
};

}  // namespace wsidecar::redis
