#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Carries items from this shard to the other shards of the service: pushes, receipts and outcomes of parts. Redis holds one ordered
/// queue of items for each destination shard (lua/parts/shards.lua), and the instance that routes this shard empties these queues.
/// The destination remembers the mark of the last item that it took and accepts only the items that follow, so each item is taken
/// exactly once even if commands or replies get lost. Items stay in the queue for another 4 s, so that a destination whose data went
/// back in time (a failover) gets them again. A shard that is down delays only the items for it. Event loop only.
class courier {
public:
    struct hooks {
        /// Returns the router's token while this instance routes the shard, and an empty string otherwise.
        std::function<std::string()> token;
        /// Returns the generation of this shard's data.
        std::function<std::string()> generation;
        /// Return the connection to another shard and its keys. Both must outlive the courier.
        std::function<command_port&(unsigned shard)> connection;
        std::function<const keys&(unsigned shard)> keys_of;
    };

    courier(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
            shard_number at);

    void start(hooks h);
    /// Looks into the queues now, instead of at the next interval. Call this when an item has been queued.
    void go();
    void stop() {
        stopped_ = true;
        timer_.reset();
        lanes_.clear();
    }

    /// The mark by which the destination identifies an item: its number in the queue and a hash of its bytes.
    static std::string mark_of(std::uint64_t number, std::string_view item);
    /// The number in a mark, or nullopt if the mark has none.
    static std::optional<std::uint64_t> number_in(std::string_view mark);

private:
    /// The state of the transfer to one other shard.
    struct lane {
        bool known = false;      ///< `last` and `next` are valid
        std::string last;        ///< the mark of the last item that the shard has taken
        std::uint64_t next = 0;  ///< the number of the first item that it has not taken
        bool busy = false;       ///< a command is under way, or the shard has just refused one
        /// At each of these times the shard had taken all items below the number.
        std::deque<std::pair<core::timer_port::clock::time_point, std::uint64_t>> had;
        core::timer_port::handle pause;
    };

    void look();
    void later(std::chrono::milliseconds d);
    void on_outgoing(proto::reply_view r);
    void find_out(unsigned shard, std::uint64_t first);
    void compare(unsigned shard, std::uint64_t first, const std::string& mark);
    void goes_on_at(unsigned shard, std::uint64_t number, const std::string& mark);
    void deliver(unsigned shard, std::vector<std::string> items);
    void take_out(unsigned shard);
    void hold_back(unsigned shard);
    bool may_go_on(std::uint64_t turn) const { return !stopped_ && turn == turn_; }

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    shard_number at_;
    hooks hooks_;
    std::vector<lane> lanes_;  ///< by shard
    std::string token_;
    std::string generation_;
    std::uint64_t turn_ = 0;  ///< counts changes of token or generation; replies to commands of an earlier turn are ignored
    std::chrono::milliseconds wait_;  ///< between this look and the next
    bool looking_ = false;
    bool again_ = false;
    bool stopped_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
