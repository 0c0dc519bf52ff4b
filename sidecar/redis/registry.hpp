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
#include "sidecar/redis/standstill.hpp"
#include "sidecar/redis/unsaid_ends.hpp"

namespace wsidecar::redis {

/// Registers this instance and its connections in Redis: the lease, presence and routing. Each change is one idempotent script that
/// carries the connection's complete state. Changes that could not be written while Redis was away are written when it is back.
///
/// Redis may go back in time (a failover, a restart from an older file). Each history of its data is a generation, whose id is in the
/// key `epoch`. An instance that finds another process or master at the other end of its connection begins a new generation.
/// Registrations count only for the generation in which they were made. In a new one this instance compares both sides, registers its
/// connections, and removes those that only Redis has. Until all instances have done so, the router delivers to the names that it finds
/// and keeps back pushes to the others. Event loop only.
class registry {
public:
    struct hooks {
        /// The lease is held, so other parts may begin (again). With `new_history`, these data may differ from what was read and settled so
        /// far. `broadcast_cursor` is this instance's position in the broadcast stream as stored in Redis.
        std::function<void(bool new_history, const std::string& broadcast_cursor)> ready;
        /// A survivor has declared this instance dead, or may have done so in data that Redis has lost. The owner must call rename().
        std::function<void(core::ends_told told)> fenced;
        /// This instance cannot run with these data; the argument says why.
        std::function<void(const std::string&)> fatal;
        /// Returns all connections of this instance.
        std::function<std::vector<core::registration>()> all;
        /// Returns whether a connection that is in Redis belongs to this instance: it is open, being opened, or its disconnect event has not
        /// been sent.
        std::function<bool(const std::string& connection)> holds;
        /// Returns the highest id seen in a stream, `<ms>-<seq>`. Redis will issue no lower one.
        std::function<std::string()> highest;
        /// Reports the state of this connection's entry in Redis under this instance's id.
        std::function<void(const std::string& connection, core::registered there)> registered;
        /// This connection has been removed from Redis. Pushes with ids above `place` (`<ms>-<seq>`) were routed without it.
        std::function<void(const std::string& connection, std::string_view place)> retired;
        /// Pushes wait in `overflow:<instance>`, because the inbox is full.
        std::function<void()> overflowed;
        /// Reports the work that the heartbeat has found. Called only while this instance is not on duty (roster.hpp).
        std::function<void(const work&)> found;
        /// Returns the position in the broadcast stream that the heartbeat shall store. Empty if Redis has it or it cannot be stored yet.
        std::function<std::string()> cursor;
        /// Redis has stored this position.
        std::function<void(const std::string&)> cursor_said;
        /// Publishes an envelope to all instances (at most once).
        std::function<void(std::string envelope)> publish;
    };
    /// Gets nullopt if Redis is away; the registration is then repeated when it is back.
    using counted = std::function<void(std::optional<core::enroll_result>)>;
    /// Gets the number of connections that the user has left, or nullopt if Redis did not answer.
    using retired = std::function<void(std::optional<std::uint32_t>)>;

    registry(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
             std::string instance, shard_number at = {});

    void start(hooks h);
    void stop();
    void on_up();
    void on_down();
    /// Renews the lease now, for example because an instance has found other data in Redis.
    void beat();
    /// Renews the lease and begins a new generation, because a connection may have met another history whose id Redis does not give.
    void suspect() {
        suspected_ = true;
        registered_.clear();
        beat();
    }
    /// Whether the lease is held and the connection is up.
    bool well() const { return leased_ && link_.up(); }
    /// Whether well() holds and pushes may be given back. They may not while Redis has not heard of ended connections, because it would
    /// route them here again in a tight loop.
    bool may_settle() const;
    /// Redis's error if it refused the last heartbeat; otherwise empty.
    const std::string& refusal() const { return refusal_; }
    /// The time since when every heartbeat has renewed the lease; max() if the last one did not.
    core::timer_port::clock::time_point steady_since() const { return steady_since_; }
    /// Whether the lease cannot have expired yet, so that no survivor has taken over from this instance.
    bool held() const { return timers_.now() < held_until_; }
    const std::string& instance() const { return instance_; }
    const redis::roster& roster() const { return roster_; }
    /// Handles a roll call: an instance has found other data, or ("+" and its id) is new.
    void on_roll_call(std::string_view who);
    /// The id of the data in which this instance is registered; empty if it is in none.
    const std::string& epoch() const { return epoch_; }
    /// The generation of these data as of the last heartbeat.
    const std::string& generation() const { return generation_; }
    /// The number of live instances as of the last roster, including this one.
    std::size_t instances() const { return roster_.others().size() + 1; }
    /// Whether the service was spread over shards so recently that entries in the first shard alone still count, for users who were
    /// between two connections then. `more` extends this period.
    bool grows(std::chrono::milliseconds more = {}) const { return timers_.now() < grows_until_ + more; }
    /// Continues under a new instance id. Call this after hooks::fenced.
    void rename(std::string instance);
    /// Stops renewing the lease, because this instance is leaving.
    void stop_beating() {
        timer_.reset();
        stopped_ = true;
    }

    /// As enroll(), for a connection whose connect event is sent next.
    void announce(const core::registration& r, counted done);
    void enroll(const core::registration& r, counted done);
    /// See core::bus_port::retire.
    void retire(const core::registration& last, retired done);
    void forget(const std::string& connection);
    /// This instance's app does not accept the connection's disconnect event: hands it to another instance. `entry` is an element of `lost`.
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
    std::string registered_;         ///< the generation in which all connections of this instance are registered; empty if none
    std::uint64_t link_number_ = 0;  ///< counts the connections for commands
    bool reconnected_ = false;
    bool suspected_ = false;
    bool said_suspected_ = false;  ///< the heartbeat under way carries `suspected_`
    redis::roster roster_;
    bool names_wanted_ = false;  ///< the next heartbeat must name all instances
    core::timer_port::clock::time_point grows_until_{};
    std::string about_;
    std::string refusal_;
    bool leased_ = false;
    bool stopped_ = false;
    standstill standstill_;
    bool beating_ = false;
    core::timer_port::clock::time_point held_until_{};
    core::timer_port::clock::time_point steady_since_ = core::timer_port::clock::time_point::max();
    /// The last registrations of ended connections whose disconnect events have not been sent.
    std::unordered_map<std::string, core::registration> ending_;
    resync resync_;
    unsaid_ends unsaid_;
    recent_ends recent_;
    last_wills wills_;
    std::vector<std::pair<core::registration, counted>>
        announcing_;  ///< begun while this instance counted as dead; sent under the new id
    core::timer_port::handle timer_;
    core::timer_port::handle refused_timer_;
};

}  // namespace wsidecar::redis
