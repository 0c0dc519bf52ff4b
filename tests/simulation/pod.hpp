#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/bus.hpp"
#include "tests/simulation/sim_time.hpp"

namespace wsidecar::simulation {

class world;
class sim_port;
class socket;

/// How the co-located app answers.
enum class app_mode { takes, refuses, away, hangs };

/// One instance: wired as app/application does it, with the simulation's clock, app, clients and way to Redis. The pod outlives its
/// process: it can be started again, then as another instance.
class pod final : public core::timer_port, public core::app_port {
public:
    pod(world& w, int number);
    ~pod() override;

    // core::timer_port
    clock::time_point now() const override;
    std::chrono::system_clock::time_point wall() const override;
    handle after(std::chrono::milliseconds d, std::function<void()> f) override;
    // core::app_port
    void send(core::app_request request, std::function<void(core::app_answer)> done) override;
    bool accepting() const override { return app != app_mode::away; }

    // ------------------------------------------------------------- its life
    void start();
    /// As by SIGKILL.
    void die();
    /// SIGSTOP; with `clock` its steady clock stands still too, as a virtual machine's does.
    void freeze(bool with_clock);
    void thaw();
    void drain();

    bool alive() const { return gateway_ != nullptr; }
    bool frozen() const { return frozen_; }
    bool draining() const { return draining_; }
    bool ready() const { return alive() && !draining_; }
    int number() const { return number_; }
    /// Grows with each process.
    int generation() const { return generation_; }
    core::gateway& gate() { return *gateway_; }
    const core::metrics& numbers() const { return metrics_; }
    const config::config& settings() const { return config_; }
    const config::route* route_of(std::string_view path) const;
    std::vector<sim_port*>& ports() { return ports_; }
    void add(sim_port& p) { ports_.push_back(&p); }
    void remove(sim_port& p) { std::erase(ports_, &p); }
    std::vector<std::shared_ptr<socket>> sockets;

    /// Runs something inside the process now, or, while it is frozen, when it is thawed.
    void enter(std::function<void()> what);

    app_mode app = app_mode::takes;
    std::chrono::milliseconds wall_offset{0};
    std::string instance;

private:
    void await_end();
    void leave();

    world& world_;
    int number_;
    int generation_ = 0;
    config::config config_;
    core::metrics metrics_;
    std::vector<sim_port*> ports_;
    std::unique_ptr<redis::bus> bus_;
    std::unique_ptr<core::gateway> gateway_;
    bool frozen_ = false;
    bool clock_stopped_ = false;
    bool draining_ = false;
    instant frozen_at_ = 0;
    instant stood_still_ = 0;  ///< how long the steady clock has
    std::deque<std::function<void()>> backlog_;
    handle timer_;
    instant give_up_ = 0;
};

}  // namespace wsidecar::simulation
