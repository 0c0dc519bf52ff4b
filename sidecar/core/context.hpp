#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"
#include "sidecar/core/dedup.hpp"
#include "sidecar/core/departed.hpp"
#include "sidecar/core/handshake_rate.hpp"
#include "sidecar/core/hub.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/core/recent.hpp"
#include "sidecar/core/tracing.hpp"

namespace wsidecar::core {

/// What the modules behind the gateway share: the ports, the configuration, and state that belongs to no single module. It must outlive
/// them. Event loop only.
struct context {
    /// After a connection got a push from a history, the outbox may still deliver the same push for this long.
    static constexpr std::chrono::milliseconds history_echo = std::chrono::minutes(1);

    context(const config::config& c, std::string i, core::metrics& m, app_port& a, bus_port& b, timer_port& t)
        : config(c),
          instance(std::move(i)),
          metrics(m),
          app(a),
          bus(b),
          timers(t),
          sent(c.outbox.dedup_window),
          confirmed(c.outbox.dedup_window),
          recalled(history_echo),
          tracing(c, m, t) {}

    const config::config& config;
    std::string instance;  ///< changes when a survivor has declared the old one dead
    core::metrics& metrics;
    app_port& app;
    bus_port& bus;
    timer_port& timers;
    core::hub hub;
    core::departed departed;
    core::recent recent;
    dedup sent;       ///< pushes sent to each connection
    dedup confirmed;  ///< pushes confirmed by each user; they are not sent again when routed again
    dedup recalled;   ///< pushes that each connection got from a history
    core::tracing tracing;
    handshake_rate address_rate;
    handshake_rate user_rate;
};

}  // namespace wsidecar::core
