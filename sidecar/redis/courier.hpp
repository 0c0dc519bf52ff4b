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

/// Brings what one shard of a service has for the others to them: pushes, receipts, what parts came to. It waits in Redis in a queue for each of the
/// others, in order (lua/parts/shards.lua); the instance that routes this shard takes it from there. The other shard remembers the last item that it
/// has taken, and takes only what follows it: each once, whatever gets lost on the way. Items stay in the queue for a while after that, so that a shard
/// that went back in time (a failover) is given again what it has not any more. A shard that is down holds up only what is for it. Event loop only.
class courier {
public:
    struct hooks {
        /// The router's token, while this instance routes the shard; else empty.
        std::function<std::string()> token;
        /// The generation of this shard's data.
        std::function<std::string()> generation;
        /// The connection to another shard, and its keys.
        std::function<command_port&(unsigned shard)> connection;
        std::function<const keys&(unsigned shard)> keys_of;
    };

    courier(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
            shard_number at);

    void start(hooks h);
    /// Something waits.
    void go();
    void stop() {
        stopped_ = true;
        timer_.reset();
        lanes_.clear();
    }

    /// How the other shard knows an item: its number in the queue, and a hash of it.
    static std::string mark_of(std::uint64_t number, std::string_view item);
    /// The number in a mark; nullopt: there is none.
    static std::optional<std::uint64_t> number_in(std::string_view mark);

private:
    /// The way to one other shard.
    struct lane {
        bool known = false;      ///< what follows is
        std::string last;        ///< the mark of the last item that it has
        std::uint64_t next = 0;  ///< the number of the first that it has not
        bool busy = false;       ///< something is on its way, or has just been refused
        /// It had everything below this number by then.
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
    std::uint64_t turn_ = 0;  ///< of routing, in one generation: answers of an earlier one are void
    bool looking_ = false;
    bool again_ = false;
    bool stopped_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
