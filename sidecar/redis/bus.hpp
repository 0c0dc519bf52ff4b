#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <unordered_map>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/inbox.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/link.hpp"
#include "sidecar/redis/outbox_canary.hpp"
#include "sidecar/redis/reaper.hpp"
#include "sidecar/redis/registry.hpp"
#include "sidecar/redis/router.hpp"
#include "sidecar/redis/subscriber.hpp"

namespace wsidecar::redis {

/// core::bus over Redis: four links (commands, subscriber, router, inbox) and what runs on them.
///
///   PUBLISH  -> subscriber ----------------------------------> gateway::on_push
///   RPUSH    -> outbox -> router -> inbox:<i>, wide -> inbox -> gateway::on_push -> settled
class bus final : public core::bus {
public:
    bus(boost::asio::io_context& loop, const config::config& c, core::metrics& m, core::timer_port& timers, std::string pod,
        std::string instance);

    void announce(const core::registration& r, std::function<void()> done) override;
    void enroll(const core::registration& r, std::function<void(core::enroll_result)> done) override;
    void retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) override;
    void forget(const std::string& connection) override { registry_.forget(connection); }
    void settled(core::delivery_id id, core::delivery_outcome o) override { inbox_.settled(id, std::move(o)); }
    bool up() const override { return registry_.well(); }

    void start(core::bus_hooks hooks) override;
    core::bus_status status() const override;
    void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) override;
    void wind_down() override;
    void leave(std::function<void()> done) override;
    void stop() override;

private:
    struct enrolling;

    void on_fenced();
    void ask_eviction_policy();
    void send_early();
    void begin(const std::shared_ptr<enrolling>& e);
    void begin_now(const std::shared_ptr<enrolling>& e);
    void reject(const char* label, const std::string& reason, std::string_view bytes);

    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string pod_;
    keys keys_;
    core::bus_hooks hooks_;
    link commands_;
    registry registry_;
    subscriber subscriber_;
    router router_;
    inbox inbox_;
    reaper reaper_;
    outbox_canary canary_;
    std::string eviction_policy_;
    bool hung_ = false;           ///< a handshake has waited in vain and nothing has been answered since: the next do not wait
    bool first_contact_ = false;  ///< Redis has answered, or refused to, once
    std::vector<std::shared_ptr<enrolling>> early_;  ///< came before that
    core::timer_port::handle early_timer_;
    core::timer_port::handle leave_timer_;
};

}  // namespace wsidecar::redis
