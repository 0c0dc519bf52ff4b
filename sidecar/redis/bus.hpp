#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/channel_sources.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/enrollments.hpp"
#include "sidecar/redis/histories.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/shard.hpp"
#include "sidecar/redis/sharded_registry.hpp"
#include "sidecar/redis/shards.hpp"
#include "sidecar/redis/source.hpp"
#include "sidecar/redis/subscriber.hpp"

namespace wsidecar::redis {

/// Implements core::bus over Redis. It owns the shards of the service (one unless `shards` sets more) and the subscriptions to its
/// channels, and distributes each registration over the shards. Event loop only.
///
///   PUBLISH  -> subscriber -> gateway::on_push
///   RPUSH    -> shard      -> gateway::on_push -> settled
class bus final : public core::bus {
public:
    bus(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, std::string pod,
        std::string instance);

    void announce(const core::registration& r, std::function<void()> done) override;
    void enroll(const core::registration& r, std::function<void(core::enroll_result)> done) override;
    void retire(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) override;
    void forget(const std::string& connection) override { registry_of_shards_.forget(connection); }
    void bequeath(const core::lost_connection& lost) override { registry_of_shards_.bequeath(lost); }
    void broadcast(const proto::envelope& push) override;
    void send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                      std::string_view payload) override;
    void settled(core::delivery_id id, core::delivery_outcome o) override;
    void lost(core::delivery_id id, const std::string& name) override;
    void recall(core::history_question q, std::function<void(core::history_answer)> done) override {
        histories_.recall(std::move(q), std::move(done));
    }
    core::position reached(const std::vector<std::string>& names) const override;
    bool up() const override { return first().registry().well(); }

    void start(core::bus_hooks hooks) override;
    core::bus_status status() const override;
    void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) override;
    void look_up(const std::string& user, std::function<void(core::registry_view)> done) override;
    void ask_all(const std::string& question, std::function<void(core::answers)> done) override {
        first().questions().ask_all(question, std::move(done));
    }
    void seek(core::list_kind kind, const std::string& name, const std::string& id,
              std::function<void(core::sightings)> done) override;
    void look_up_history(const std::string& target, std::function<void(core::registry_view)> done) override;
    void configure(const config::redis& settings) override;
    void wind_down() override;
    void leave(std::function<void()> done) override;
    void stop() override;

private:
    shard& first() { return *shards_.front(); }
    const shard& first() const { return *shards_.front(); }
    void start_subscribers();
    shard::hooks hooks_of(unsigned number);
    bool over_share(const shard& s) const;
    void disconnect_on_behalf(const core::lost_connection& lost, std::function<void(bool)> done);
    void on_fenced(unsigned number, core::ends_told told);
    void on_ready(unsigned number);
    void subscribe(const core::registration& r, const std::function<void()>& done);
    /// Counts a message that Redis has not taken.
    void count_undelivered(proto::reply_view r);
    void reject(const char* label, const std::string& reason, std::string_view bytes);

    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string pod_;
    keys keys_;
    shard_number any_;  ///< only its `count`, the number of shards, is used
    core::bus_hooks hooks_;
    delivery_numbers numbers_;
    std::vector<source_reader> readers_;  ///< one for each entry of config.sources, in the same order
    std::vector<std::unique_ptr<shard>> shards_;
    std::vector<std::unique_ptr<subscriber>> subscribers_;  ///< one for each shard with redis.sharded, otherwise one
    sharded_registry registry_of_shards_;
    enrollments enrollments_;
    channel_sources sources_;
    histories histories_;
    std::uint64_t not_ready_;  ///< shards that have not answered yet, one bit for each
    core::timer_port::handle leave_timer_;
};

}  // namespace wsidecar::redis
