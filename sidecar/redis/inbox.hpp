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

/// The ids by which the gateway knows outbox pushes: they grow, whichever shard of the service a push is of, and say which it is.
class delivery_numbers {
public:
    core::delivery_id take(shard_number at) { return at.several() ? (next_++ << bits) | at.here : next_++; }
    static unsigned shard_of(core::delivery_id id) { return static_cast<unsigned>(id & ((1U << bits) - 1)); }

private:
    static constexpr unsigned bits = 6;
    static_assert(shards_at_most <= 1U << bits);
    core::delivery_id next_ = core::first_delivery_id;
};

/// Delivers what the router has put into this instance's inbox and into the broadcast stream: inbox_reader brings the entries, the gateway takes the
/// pushes, settle_queue tells Redis how each ended. A push that is not settled when the process ends is still in Redis, where a survivor finds it. One
/// whose connection has gone goes back to `outbox:returned` in the script that takes it out and writes its receipt.
///
/// When Redis goes back in time, both streams are read again, and in_flight recognizes what is still on its way. Event loop only.
class inbox {
public:
    struct hooks {
        /// A push for clients of this instance.
        std::function<void(const proto::envelope&, const core::push_origin&)> deliver;
        /// Whether a push is a canary, which is for no client.
        std::function<bool(const proto::envelope&)> is_canary;
        /// The instance's lease cannot have ended yet, so that no survivor has taken its pushes over.
        std::function<bool()> leased;
        /// settle_queue::hooks
        std::function<bool()> registered;
        /// All that was kept for this connection has been delivered to it.
        std::function<void(const std::string& connection)> claimed;
        /// Something has come that a router has just routed.
        std::function<void()> proved;
        /// There are many instances: each reads more at once.
        std::function<bool()> many;
    };

    /// `link`: its own, because reading waits inside Redis. `commands`: for what must not wait behind that.
    inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
          core::timer_port& timers, delivery_numbers& numbers, shard_number at = {});

    void start(hooks h);
    void stop();
    /// This instance is registered under this id, and reads. `new_history`: Redis holds other data, or another history of them, in which the broadcast
    /// stream has been read up to `broadcast_cursor`.
    void attend(const std::string& instance, bool new_history, const std::string& broadcast_cursor);
    /// Reads no more and says all that is settled; what is in flight may still be settled.
    void wind_down();
    /// The gateway has finished with a push.
    void settled(core::delivery_id id, core::delivery_outcome outcome);

    /// The highest id of both streams that was taken.
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
    void end_at_once(const received_push& p, const char* outcome, const char* reason,
                     settle_queue::kind k = settle_queue::kind::push);
    void end_part(const received_push& p, const core::delivery_outcome& o);
    void move_slow();

    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    hooks hooks_;
    std::string instance_;
    redis::in_flight in_flight_;
    std::map<place, std::size_t>
        parts_left_;  ///< of entries that name a handover or kept pushes: how many of these have not ended
    inbox_reader reader_;
    settle_queue settlements_;
    delivery_numbers& numbers_;
    shard_number at_;
    core::timer_port::handle move_timer_;
};

}  // namespace wsidecar::redis
