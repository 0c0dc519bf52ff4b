#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "proto/target.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/in_flight.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/inbox_reader.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/settle_queue.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Issues the delivery ids of outbox pushes. They grow over all shards of the service, and each contains the number of its shard.
class delivery_numbers {
public:
    core::delivery_id take(shard_number at) { return at.several() ? (next_++ << bits) | at.here : next_++; }
    static unsigned shard_of(core::delivery_id id) { return static_cast<unsigned>(id & ((1U << bits) - 1)); }

private:
    static constexpr unsigned bits = 6;
    static_assert(shards_at_most <= 1U << bits);
    core::delivery_id next_ = core::first_delivery_id;
};

/// Delivers the pushes that routers have put into this instance's inbox and into the broadcast stream: inbox_reader reads the entries,
/// the gateway sends the pushes, and settle_queue writes each outcome to Redis. A push that is not settled when the process ends is
/// still in Redis, where a survivor finds it. A push whose connection has ended goes back to `outbox:returned` in the same script that
/// removes it from the inbox and writes its receipt.
///
/// When Redis goes back in time, both streams are read again, and in_flight recognizes pushes that are still on their way. Event loop
/// only.
class inbox {
public:
    struct hooks {
        /// Delivers a push to clients of this instance.
        std::function<void(const proto::envelope&, const core::push_origin&)> deliver;
        /// Whether a push is a canary, which is for no client.
        std::function<bool(const proto::envelope&)> is_canary;
        /// Returns whether the lease cannot have expired yet, so that no survivor has taken over this instance's pushes.
        std::function<bool()> leased;
        /// See settle_queue::hooks.
        std::function<bool()> registered;
        /// Everything that was kept for this connection has been delivered to it.
        std::function<void(const std::string& connection)> claimed;
        /// An entry has arrived that a router has just routed.
        std::function<void()> proved;
        /// Returns whether there are many instances; then each reads more entries at once.
        std::function<bool()> many;
    };

    /// `link` is the reader's own connection, because XREAD blocks in Redis. `commands` is for commands that must not wait behind it.
    inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
          core::timer_port& timers, delivery_numbers& numbers, shard_number at = {});

    void start(hooks h);
    void stop();
    /// This instance is registered under this id: begins to read. With `new_history`, Redis holds other data or another history, in which
    /// this instance has read the broadcast stream up to `broadcast_cursor`.
    void attend(const std::string& instance, bool new_history, const std::string& broadcast_cursor);
    /// Stops reading and writes all settled pushes to Redis. Pushes in flight may still be settled afterwards.
    void wind_down();
    /// The gateway has finished with a push.
    void settled(core::delivery_id id, core::delivery_outcome outcome);
    /// The gateway has lost a client to which the push was sent (core::bus_port::lost).
    void lost(core::delivery_id id, const std::string& name);
    /// Whether a push is being moved to a new entry, under which its end will be written.
    bool is_moving() const { return in_flight_.is_moving(); }

    /// The highest id of both streams that has been taken.
    core::place reached() const { return reader_.highest(); }
    std::size_t in_flight() const { return in_flight_.size(); }
    settle_queue& settlements() { return settlements_; }

    void configure(const endpoint& where) { reader_.connection().configure(where); }
    const command_port& connection() const { return reader_.connection(); }
    void reset(std::string_view why) { reader_.connection().reset(why); }

private:
    void take(const inbox_entry& e);
    bool adopt(const inbox_entry& e, std::uint64_t content);
    void take_handover(const inbox_entry& e);
    void take_kept(const inbox_entry& e);
    void take_push(const inbox_entry& e, std::string_view envelope, received_push p, const claim* claimed = nullptr);
    std::optional<proto::envelope> decode(const inbox_entry& e, std::string_view envelope, const received_push& p);
    core::push_origin origin_of(const inbox_entry& e, const proto::envelope& push, const received_push& p);
    bool address(proto::envelope& push, core::push_origin& from, const inbox_entry& e, received_push& p, const claim* claimed);
    void end(const received_push& p, const core::delivery_outcome& o);
    void end_at_once(const received_push& p, push_end outcome, std::optional<core::undelivered_reason> reason,
                     settle_queue::kind k = settle_queue::kind::push);
    void end_part(const received_push& p, const core::delivery_outcome& o);
    void move_slow();
    void move_lost();

    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    hooks hooks_;
    std::string instance_;
    redis::in_flight in_flight_;
    std::map<place, std::size_t>
        parts_left_;  ///< for each entry that names a handover or kept pushes: how many of these have not ended
    inbox_reader reader_;
    settle_queue settlements_;
    delivery_numbers& numbers_;
    shard_number at_;
    core::timer_port::handle move_timer_;
    core::timer_port::handle lost_timer_;
};

}  // namespace wsidecar::redis
