#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/commit_result.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/source_position.hpp"
#include "sidecar/redis/upkeep.hpp"

namespace wsidecar::redis {

/// Routes the outbox while this instance holds the router's lease: peek, decode, commit. The commit script looks the targets up, copies
/// entries into inboxes, and trims the outbox last, so a router may die at any point without losing, doubling or reordering pushes. Every
/// instance has a router; one of them leads. It needs its own connection, because it waits for work inside Redis (BLMOVE outbox
/// outbox). Event loop only.
class router {
public:
    /// What is routed: the outbox with `outbox:returned`, or a list or stream of `sources`.
    struct feed {
        std::string name;  ///< "" for the outbox, otherwise ":" and the name of the list or stream
        std::string list;  ///< the full Redis key
        std::string pop;   ///< left | right
        std::function<batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred)> read;
        push_ended ended;
        std::string group = {};  ///< a stream's consumer group; empty for a list
        std::string from = {};   ///< where a new group begins in a stream: $ or 0-0
    };

    /// `link` is the router's own connection. `commands` is for commands that must not wait behind a blocked one.
    router(std::unique_ptr<command_port> link, command_port& commands, feed f, const config::config& c, keys k,
           core::metrics& m, core::timer_port& timers, shard_number at = {});

    struct hooks {
        /// Returns the data and the generation in which this instance is registered (registry.hpp). Commits wait while Redis holds others.
        std::function<std::pair<std::string, std::string>()> data;
        /// Returns the id of this instance.
        std::function<std::string()> instance;
        /// Redis holds other data or another generation than data() says.
        std::function<void()> other_data;
        /// The router has reconnected, and Redis does not identify its history, so all instances must register again.
        std::function<void()> unknown_history;
        /// Returns whether this instance checks often that the router is alive (roster.hpp).
        std::function<bool()> on_duty;
        /// Returns whether this instance routes more shards than its share. This shard counts as routed in either case.
        std::function<bool()> over_share = {};
        /// An item has been queued for another shard.
        std::function<void()> sent_elsewhere = {};
    };
    void start(hooks h);
    /// This instance is registered: continues if routing was waiting for that.
    void go();
    /// Gives up the lease. No further batch is begun.
    void wind_down();
    void stop();
    void configure(const endpoint& where) { link_.configure(where); }
    bool up() const { return link_.up(); }
    const std::string& state() const { return link_.state(); }
    const command_port& connection() const { return link_; }
    void reset(std::string_view why) { link_.reset(why); }
    /// What Redis refuses to the leading router, in words; empty: nothing.
    const std::string& refusal() const { return refusal_; }
    const std::string& list() const { return feed_.list; }
    /// Whether this instance routes. token() identifies it as the holder of the lease.
    bool leads() const { return leading_; }
    const std::string& token() const { return token_; }

private:
    void step();
    bool yields();
    void later(std::chrono::milliseconds d);
    void on_lead(proto::reply_view r);
    void peek(const std::string& source = {}, std::size_t skip = 0);
    void adapt(core::timer_port::clock::duration took);
    void go_on();
    void on_peek(proto::reply_view r);
    void commit(proto::reply_view peeked);
    void divide(const std::string& source, const batch& b);
    std::string key_of(std::string_view source) const;
    std::string right_of(std::string_view source) const;
    std::string group_of(std::string_view source) const;
    void on_commit(proto::reply_view r, const batch& b);
    void tell(std::optional<double> age, std::optional<double> length);
    void refuse_head(proto::reply_view r, const char* label, const std::string& reason);
    void wait_for_work();
    void refused(std::string_view what, std::string_view error);
    void lose(const char* why);
    bool routes_outbox() const { return feed_.name.empty(); }

    feed feed_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    command_port& commands_;
    std::unique_ptr<command_port> own_link_;
    command_port& link_;
    hooks hooks_;
    std::string token_;
    std::size_t budget_;          ///< the most bytes of one batch
    std::size_t committing_ = 0;  ///< batches whose commit has not been answered
    std::optional<std::chrono::milliseconds>
        halted_;         ///< set after a refused commit: all commits under way are awaited before this pause
    std::string stale_;  ///< the generation in which routing has stopped; empty if none
    shard_number at_;
    core::timer_port::clock::time_point yielded_{};  ///< when this shard was last left to other instances
    std::string refusal_;
    bool held_back_ = false;
    bool was_up_ = false;
    bool peeking_ = false;
    bool leading_ = false;
    bool leaving_ = false;
    source_position position_;
    upkeep upkeep_;
    core::timer_port::clock::time_point renewed_;
    core::timer_port::clock::time_point waiting_since_;  ///< when the outbox was last seen empty
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
