#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/callbacks.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/histories.hpp"
#include "sidecar/redis/inbox.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/outbox_canary.hpp"
#include "sidecar/redis/questions.hpp"
#include "sidecar/redis/reaper.hpp"
#include "sidecar/redis/registry.hpp"
#include "sidecar/redis/router.hpp"
#include "sidecar/redis/source.hpp"
#include "sidecar/redis/subscriber.hpp"

namespace wsidecar::redis {

/// core::bus over Redis: four links (commands, subscriber, router, inbox) and what runs on them.
///
///   PUBLISH  -> subscriber ----------------------------------> gateway::on_push
///   RPUSH    -> outbox -> router -> inbox:<i>, wide -> inbox -> gateway::on_push -> settled
class bus final : public core::bus {
public:
    bus(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, std::string pod,
        std::string instance);

    void announce(const core::registration& r, std::function<void()> done) override;
    void enroll(const core::registration& r, std::function<void(core::enroll_result)> done) override;
    void retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) override;
    void forget(const std::string& connection) override { registry_.forget(connection); }
    void bequeath(const core::lost_connection& lost) override;
    void broadcast(const proto::envelope& push) override;
    void send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                      std::string_view payload) override;
    void settled(core::delivery_id id, core::delivery_outcome o) override;
    void recall(core::history_question q, std::function<void(core::history_answer)> done) override {
        histories_.recall(std::move(q), std::move(done));
    }
    core::place reached() const override { return inbox_.reached(); }
    bool up() const override { return registry_.well(); }

    void start(core::bus_hooks hooks) override;
    core::bus_status status() const override;
    void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) override;
    void look_up(const std::string& user, std::function<void(core::registry_view)> done) override;
    void ask_all(const std::string& question, std::function<void(core::answers)> done) override {
        questions_.ask_all(question, std::move(done));
    }
    void seek(core::list_kind kind, const std::string& name, const std::string& id,
              std::function<void(core::sightings)> done) override {
        questions_.seek(kind, name, id, std::move(done));
    }
    void look_up_history(const std::string& target, std::function<void(core::registry_view)> done) override;
    void configure(const config::redis& settings) override;
    void wind_down() override;
    void leave(std::function<void()> done) override;
    void stop() override;

private:
    struct enrolling;

    void on_fenced(bool spoken_for);
    void on_found(const registry::work& w);
    void compare_masters();
    void ask_eviction_policy();
    void send_early();
    void begin(const std::shared_ptr<enrolling>& e);
    void begin_now(const std::shared_ptr<enrolling>& e);
    void reject(const char* label, const std::string& reason, std::string_view bytes);
    void on_source(std::size_t number, std::string_view channel, std::string_view payload);
    router::feed outbox_feed();
    router::ended told_of();

    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string pod_;
    keys keys_;
    core::bus_hooks hooks_;
    std::unique_ptr<command_port> commands_link_;
    command_port& commands_;
    registry registry_;
    subscriber subscriber_;
    std::vector<source_reader> readers_;  ///< of config.sources, in their order
    router router_;
    std::vector<std::unique_ptr<router>> list_routers_;  ///< of those that are lists and streams
    inbox inbox_;
    reaper reaper_;
    outbox_canary canary_;
    callbacks callbacks_;
    questions questions_;
    histories histories_;
    std::string eviction_policy_;
    /// What clients here have published to channels of sources with `echo: false`, and who: the oldest first.
    struct own_message {
        std::uint64_t hash;  ///< of channel and payload
        std::string connection;
        core::timer_port::clock::time_point at;
    };
    std::deque<own_message> own_messages_;
    /// A channel's push whose delivery the app wants to hear of.
    struct told_push {
        std::string sum;  ///< SHA-1 of channel and payload: all pods have it
        std::string callback;
    };
    std::unordered_map<core::delivery_id, told_push> told_pushes_;
    core::delivery_id next_told_ = core::first_delivery_id;
    bool hung_ = false;  ///< a handshake has waited in vain and nothing has been answered since: the next do not wait
    core::timer_port::clock::time_point reset_at_{};  ///< when compare_masters() last found something
    bool silent_before_ = false;
    bool first_contact_ = false;                     ///< Redis has answered, or refused to, once
    std::vector<std::shared_ptr<enrolling>> early_;  ///< came before that
    core::timer_port::handle early_timer_;
    core::timer_port::handle leave_timer_;
    core::timer_port::handle compare_timer_;
};

}  // namespace wsidecar::redis
