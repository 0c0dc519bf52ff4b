#pragma once

#include <functional>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/net/http_pass.hpp"
#include "sidecar/net/relay.hpp"
#include "sidecar/net/server.hpp"

namespace wsidecar::app {

/// How a pod leaves (sidecar/operating.md, Drain):
///   serving --begin()--> delaying --drain.delay--> closing --all closed--> finishing --events sent, registry left--> drained
/// hurry() shortens every wait. Runs on the event loop.
class drain {
public:
    enum class stage { serving, delaying, closing, finishing, drained };

    drain(const config::drain& times, net::server& clients, net::http_pass* pass, net::relay* relay, core::gateway& gateway,
          core::bus& bus, core::timer_port& timers, core::metrics& metrics);

    /// Begins, or joins a drain that is under way. `done` runs when it is over (at once when it is already).
    void begin(std::function<void()> done);
    /// No more waiting: closes what is open and is done within 2 s.
    void hurry();
    stage at() const { return stage_; }

private:
    void enter(stage s);
    void close_all();
    void await_events();
    void leave();

    const config::drain& times_;
    net::server& clients_;
    net::http_pass* pass_;  ///< null: http: reject
    net::relay* relay_;     ///< null: no relay.address
    core::gateway& gateway_;
    core::bus& bus_;
    core::timer_port& timers_;
    core::metrics& metrics_;
    stage stage_ = stage::serving;
    bool hurried_ = false;
    core::timer_port::clock::time_point give_up_;
    core::timer_port::handle timer_;
    std::vector<std::function<void()>> done_;
};

}  // namespace wsidecar::app
