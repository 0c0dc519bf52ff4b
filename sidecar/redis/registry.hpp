#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/heartbeat.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/last_wills.hpp"
#include "sidecar/redis/recent_ends.hpp"
#include "sidecar/redis/resync.hpp"
#include "sidecar/redis/roster.hpp"
#include "sidecar/redis/shards.hpp"
#include "sidecar/redis/unsaid_ends.hpp"

namespace wsidecar::redis {

/// This instance and its connections as Redis knows them: the lease, presence, routing. Every change is one script, idempotent,
/// with the connection's whole truth; what could not be said while Redis was away is said when it is back.
///
/// Redis may go back in time (a failover, a restart from an older file). Each history of its data is a generation, named in
/// `epoch`; whoever finds another process or master at the other end of its connection begins one. What this instance has registered
/// counts for the generation in which it did so: in a new one it compares both ways, registers what it has, and removes what only
/// Redis has. Until all instances have done so the router serves only whom it finds. Event loop only.
class registry {
public:
    struct hooks {
        /// Leased: other parts may begin (again). `new_history`: what was read and settled so far may be otherwise in these data;
        /// `broadcast_cursor`: up to where Redis has it that the broadcast stream was read.
        std::function<void(bool new_history, const std::string& broadcast_cursor)> ready;
        /// A survivor has declared this instance dead. The owner calls rename(). `ends_told`: it knew the connections, and survivors tell their ends.
        std::function<void(bool ends_told)> fenced;
        std::function<void(const std::string&)> fatal;
        std::function<std::vector<core::registration>()> all;
        /// Whether this pod still has to do with a connection that is in Redis: open, being opened, or its end not yet told.
        std::function<bool(const std::string& connection)> holds;
        /// The highest id that was seen in a stream, `<ms>-<seq>`: Redis gives out none below it.
        std::function<std::string()> highest;
        /// What is known of this connection's entry in Redis, under this instance's id.
        std::function<void(const std::string& connection, core::registered there)> registered;
        /// This connection is out of Redis: pushes with a higher id than `place` (`<ms>-<seq>`) were routed without it.
        std::function<void(const std::string& connection, std::string_view place)> retired;
        /// Pushes wait behind this instance's inbox.
        std::function<void()> overflowed;
        /// What the beat of an instance that is not on duty (roster.hpp) has found.
        std::function<void(const work&)> found;
        /// The position in the broadcast stream, if that can be said with the beat; empty: it cannot, or Redis knows it.
        std::function<std::string()> cursor;
        /// Redis knows now.
        std::function<void(const std::string&)> cursor_said;
        /// An envelope for all instances, at most once.
        std::function<void(std::string envelope)> publish;
    };
    /// nullopt: Redis is or went away; it is made good later.
    using counted = std::function<void(std::optional<core::enroll_result>)>;
    /// How many connections the user has left; nullopt: Redis did not say.
    using retired = std::function<void(std::optional<std::uint32_t>)>;

    registry(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
             std::string instance, shard_number at = {});

    void start(hooks h);
    void stop();
    void on_up();
    void on_down();
    /// Renews the lease at once: somebody has found other data than before.
    void beat();
    /// The same, and begins a new generation: a connection has met what may be another history, and could not learn its name.
    void suspect() {
        suspected_ = true;
        registered_.clear();
        beat();
    }
    /// Leased, and the link is up.
    bool well() const { return leased_ && link_.up(); }
    /// And Redis has heard of the connections that have ended: what is given back for one of them is else routed here again, many times in a moment.
    bool may_settle() const;
    /// Why Redis refused the last beat; empty: it did not.
    const std::string& refusal() const { return refusal_; }
    /// Since when every beat was taken; max(): the last was not.
    core::timer_port::clock::time_point steady_since() const { return steady_since_; }
    /// The lease cannot have ended: no survivor has taken this instance over.
    bool held() const { return timers_.now() < held_until_; }
    const std::string& instance() const { return instance_; }
    const redis::roster& roster() const { return roster_; }
    /// An instance has found other data, or ("+" and its name) is new.
    void on_roll_call(std::string_view who);
    /// The data that this instance is registered in; empty: none yet.
    const std::string& epoch() const { return epoch_; }
    /// The generation that they are in, as of the last beat.
    const std::string& generation() const { return generation_; }
    /// How many instances were there lately, this one included.
    std::size_t instances() const { return roster_.others().size() + 1; }
    /// The service has got its shards so lately (`more`: or a little longer ago) that what is known in the first alone still counts: of those
    /// who were between two connections then.
    bool grows(std::chrono::milliseconds more = {}) const { return timers_.now() < grows_until_ + more; }
    /// Goes on under a new id, after fenced().
    void rename(std::string instance);
    /// The lease is not renewed any more: this instance is leaving.
    void stop_beating() {
        timer_.reset();
        stopped_ = true;
    }

    /// As enroll(), for a connection whose connect event goes out next.
    void announce(const core::registration& r, counted done);
    void enroll(const core::registration& r, counted done);
    /// `last`: see core::bus_port::retire.
    void retire(const core::registration& last, retired done);
    void forget(const std::string& connection);
    /// The app does not take the disconnect event of this connection: another instance's gets it. `entry`: an element of `lost`.
    void bequeath(const std::string& connection, const std::string& entry);

private:
    std::vector<std::string> beat_arguments(const std::string& cursor) const;
    void on_beat(const heartbeat& h);
    void on_renewed(const heartbeat& h);
    void learn(const heartbeat& h, bool first);
    void catch_up(bool everything);
    void say_unsaid();
    void compare(const std::string& connection);
    void caught_up();
    void enroll_step(const core::registration& r, std::uint32_t mailbox, counted done);
    void on_enrolled(const core::registration& r, proto::reply_view v, std::uint32_t mailbox, const counted& done);
    void on_not_enrolled(const std::string& connection, proto::reply_view v);
    bool complete() const { return registered_ == generation_; }
    void evict(const std::string& connection);
    std::vector<std::string> arguments(const core::registration& r, const char* mode) const;

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string instance_;
    shard_number at_;
    hooks hooks_;
    std::string epoch_;
    std::string generation_;
    std::string registered_;         ///< the generation in which Redis has everything that this instance has; empty: none
    std::uint64_t link_number_ = 0;  ///< counts the connections for commands
    bool reconnected_ = false;
    bool suspected_ = false;
    bool said_suspected_ = false;  ///< by the beat that is under way
    redis::roster roster_;
    bool names_wanted_ = false;  ///< the next beat names all instances
    core::timer_port::clock::time_point grows_until_{};
    std::string about_;
    std::string refusal_;
    bool leased_ = false;
    bool stopped_ = false;
    bool beating_ = false;
    core::timer_port::clock::time_point held_until_{};
    core::timer_port::clock::time_point steady_since_ = core::timer_port::clock::time_point::max();
    std::unordered_set<std::string> retired_;  ///< connections whose end is not told yet
    resync resync_;
    unsaid_ends unsaid_;
    recent_ends recent_;
    last_wills wills_;
    std::vector<std::pair<core::registration, counted>>
        announcing_;  ///< came while this instance was dead: under the new id, then
    core::timer_port::handle timer_;
    core::timer_port::handle refused_timer_;
};

}  // namespace wsidecar::redis
