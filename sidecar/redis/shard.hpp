#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/callbacks.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/courier.hpp"
#include "sidecar/redis/inbox.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/outbox_canary.hpp"
#include "sidecar/redis/questions.hpp"
#include "sidecar/redis/reaper.hpp"
#include "sidecar/redis/registry.hpp"
#include "sidecar/redis/router.hpp"
#include "sidecar/redis/shards.hpp"
#include "sidecar/redis/source.hpp"

namespace wsidecar::redis {

/// This instance's part in one shard of the service: the registry, the outbox with its router, and the inbox, under the shard's own
/// prefix. A service has one shard unless `shards` sets more. The first shard also reads the lists and streams of `sources`. Event
/// loop only.
///
///   RPUSH -> outbox -> router -> inbox:<i>, broadcast stream -> inbox -> gateway::on_push -> settled
///                        '-> courier -> another shard
class shard {
public:
    struct hooks {
        core::bus_hooks of_bus;
        /// This instance has been registered, possibly again.
        std::function<void()> ready;
        /// A survivor has declared this instance dead in this shard (registry::hooks::fenced).
        std::function<void(core::ends_told told)> fenced;
        /// Returns the registrations that belong in this shard, each reduced to what this shard stores.
        std::function<std::vector<core::registration>()> all;
        /// Publishes an envelope to all instances (at most once).
        std::function<void(std::string envelope)> publish;
        /// See router::hooks.
        std::function<bool(const shard&)> over_share;
        std::function<shard&(unsigned)> other;
        /// Sends a disconnect event for a dead instance's connection (gateway::disconnect_on_behalf).
        reaper::disconnect disconnect_on_behalf;
    };

    shard(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, shard_number at,
          std::string instance, delivery_numbers& numbers, const std::vector<source_reader>& readers);
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    void start(hooks h);
    void stop();
    void configure(const config::redis& settings);
    void wind_down();
    /// Writes all settled pushes to Redis and hands everything else to other instances. `done` runs when nothing is left, or when Redis
    /// does not answer.
    void leave(std::function<void()> done);
    /// Continues under a new instance id. Call this after hooks::fenced.
    void rename(const std::string& instance);

    unsigned number() const { return at_.here; }
    const keys& names() const { return keys_; }
    command_port& commands() { return commands_; }
    const command_port& commands() const { return commands_; }
    redis::registry& registry() { return registry_; }
    const redis::registry& registry() const { return registry_; }
    redis::inbox& inbox() { return inbox_; }
    const redis::inbox& inbox() const { return inbox_; }
    redis::reaper& reaper() { return reaper_; }
    redis::questions& questions() { return questions_; }
    bool routes() const { return router_.leads(); }
    /// Describes what is wrong with this shard; empty if nothing is.
    std::string trouble() const;
    /// Describes what is wrong with routing or reading, apart from the registry and the subscription; empty if nothing is.
    std::string trouble_behind() const;

private:
    void start_registry();
    void start_routers();
    void on_found(const work& w);
    void compare_masters();
    void ask_eviction_policy();
    shard_number divides() const;
    router::feed outbox_feed();
    push_ended report_outcome();
    std::string link_name(const std::string& what) const;

    const config::config& config_;
    core::timer_port& timers_;
    shard_number at_;
    keys keys_;
    hooks hooks_;
    std::unique_ptr<command_port> commands_link_;
    command_port& commands_;
    redis::registry registry_;
    router router_;
    std::vector<std::unique_ptr<router>> list_routers_;  ///< one for each source that is a list or a stream
    redis::inbox inbox_;
    redis::reaper reaper_;
    outbox_canary canary_;
    callbacks callbacks_;
    redis::questions questions_;
    courier courier_;
    std::string eviction_policy_;
    core::timer_port::clock::time_point reset_at_{};  ///< when compare_masters() last found a difference
    bool silent_before_ = false;
    unsigned moves_awaited_ = 0;  ///< how often leave() has waited for pushes that are moving
    core::timer_port::handle compare_timer_;
    core::timer_port::handle leave_timer_;
};

}  // namespace wsidecar::redis
