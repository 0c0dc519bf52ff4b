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

/// Routes the outbox while this instance holds the router's lease: peek, decode, commit. One script moves entries from the
/// outbox into inboxes, looks the targets up itself, and trims the outbox last, so that a router may die anywhere and nothing
/// is lost, doubled or reordered. Every instance has one; one of them leads. Event loop only; a link of its own, because
/// it waits for work inside Redis (BLMOVE outbox outbox).
class router {
public:
    /// What is routed: the outbox (with what came back to it), or a list of `sources`.
    struct feed {
        std::string name;  ///< "" for the outbox, else ":" and the list's or stream's name
        std::string list;  ///< the whole key
        std::string pop;   ///< left | right
        std::function<batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred)> read;
        push_ended ended;
        std::string group = {};  ///< of a stream: its consumer group; empty: it is a list
        std::string from = {};   ///< of a stream that has no such group: $ or 0-0
    };

    /// `link`: its own; `commands`: for what must not wait behind a blocked command.
    router(std::unique_ptr<command_port> link, command_port& commands, feed f, const config::config& c, keys k,
           core::metrics& m, core::timer_port& timers, shard_number at = {});

    struct hooks {
        /// The data and the generation that this instance is registered in (registry.hpp): commits wait while Redis holds others.
        std::function<std::pair<std::string, std::string>()> data;
        /// The id of this instance.
        std::function<std::string()> instance;
        /// Redis holds others.
        std::function<void()> other_data;
        /// This connection was made anew, and Redis does not say to what: all instances shall register anew.
        std::function<void()> unknown_history;
        /// Whether this instance looks often whether the router has died (roster.hpp).
        std::function<bool()> on_duty;
        /// Whether this instance routes more shards of the service than is its share, this one counted or, where it does not route it, added.
        std::function<bool()> over_share = {};
        /// Something waits for another shard.
        std::function<void()> sent_elsewhere = {};
    };
    void start(hooks h);
    /// This instance is registered: whoever was waiting for that goes on.
    void go();
    /// Gives the lease up; no further batch is begun.
    void wind_down();
    void stop();
    void configure(const endpoint& where) { link_.configure(where); }
    bool up() const { return link_.up(); }
    const std::string& state() const { return link_.state(); }
    const command_port& connection() const { return link_; }
    void reset(std::string_view why) { link_.reset(why); }
    /// This instance routes; with this token.
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
    std::size_t budget_;                               ///< bytes of one batch
    std::size_t committing_ = 0;                       ///< batches whose commit has not been answered
    std::optional<std::chrono::milliseconds> halted_;  ///< a commit was refused: all that is under way is awaited first
    std::string stale_;                                ///< the generation in which nothing is routed any more; empty: none
    shard_number at_;
    core::timer_port::clock::time_point yielded_{};  ///< when this was last left to other instances
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
