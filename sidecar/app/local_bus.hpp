#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/text.hpp"

namespace wsidecar::app {

/// `redis.url: none`: one pod on its own, for development. Users and groups live in the gateway's hub; POST /push delivers
/// here, at most once.
class local_bus final : public core::bus {
public:
    local_bus(boost::asio::io_context& loop, const config::config& c, core::metrics& metrics)
        : loop_(loop), config_(c), metrics_(metrics) {}

    void announce(const core::registration&, std::function<void()> done) override { done(); }
    void enroll(const core::registration& r, std::function<void(core::enroll_result)> done) override;
    void retire(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) override;
    void bequeath(const core::lost_connection&) override {}
    void forget(const std::string&) override {}
    void send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                      std::string_view payload) override;
    void broadcast(const proto::envelope& push) override { deliver_soon(push); }
    void settled(core::delivery_id id, core::delivery_outcome o) override;
    bool up() const override { return true; }

    void start(core::bus_hooks hooks) override { hooks_ = std::move(hooks); }
    core::bus_status status() const override { return {true, "none"}; }
    void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) override;
    void look_up(const std::string&, std::function<void(core::registry_view)> done) override {
        core::registry_view view;
        view.answered = true;
        done(std::move(view));
    }
    void ask_all(const std::string&, std::function<void(core::answers)> done) override { done({true, {}, {}}); }
    void seek(core::list_kind, const std::string&, const std::string&, std::function<void(core::sightings)> done) override {
        core::sightings none;
        none.answered = true;
        done(std::move(none));
    }
    void configure(const config::redis&) override {}
    void wind_down() override {}
    void leave(std::function<void()> done) override { done(); }
    void stop() override {}

private:
    void deliver_soon(proto::envelope e);
    void leave_user(const std::string& connection, const std::string& user);

    boost::asio::io_context& loop_;
    const config::config& config_;
    core::metrics& metrics_;
    core::bus_hooks hooks_;
    std::unordered_map<std::string, std::string> users_;  ///< by connection
    core::by_text<std::vector<std::string>> connected_;   ///< by user, the oldest first
    core::delivery_id next_ = core::first_delivery_id;
};

}  // namespace wsidecar::app
