#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Brings what one shard of a service has for the others to them: pushes, receipts, what parts came to. It waits in Redis in a queue for each of the
/// others, in order (lua/parts/shards.lua); the instance that routes this shard takes it from there to the other shard, and then out of the queue. The
/// other shard takes each item once, whatever gets lost on the way. A shard that is down holds up only what is for it. Event loop only.
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

    courier(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers, shard_number at);

    void start(hooks h);
    /// Something waits.
    void go();
    void stop() {
        stopped_ = true;
        timer_.reset();
    }

    /// How the other shard knows an item: its number in the queue, and a hash of it.
    static std::string mark_of(std::uint64_t number, std::string_view item);

private:
    void look();
    void later(std::chrono::milliseconds d);
    void deliver(const std::string& token, unsigned shard, const std::string& sent, std::vector<std::string> items);
    void take_out(const std::string& token, unsigned shard, const std::string& sent, std::int64_t n);
    void hold_back(unsigned shard);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    shard_number at_;
    hooks hooks_;
    std::set<unsigned> busy_;  ///< shards that something is on its way to, or that have just refused it
    bool looking_ = false;
    bool again_ = false;
    bool stopped_ = false;
    core::timer_port::handle timer_;
    std::vector<core::timer_port::handle> pauses_;  ///< by shard
};

}  // namespace wsidecar::redis
