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

/// What the modules behind the gateway share: the ports, the configuration, and the state that is nobody's own. Lives as long as
/// they do.
struct context {
    /// How long after a connection had a push from a history the outbox may still bring it again.
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
    std::string instance;  ///< changes when a survivor has taken the old one over
    core::metrics& metrics;
    app_port& app;
    bus_port& bus;
    timer_port& timers;
    core::hub hub;
    core::departed departed;
    core::recent recent;
    dedup sent;       ///< by connection
    dedup confirmed;  ///< by user: what is routed again need not go to them
    dedup recalled;   ///< by connection: what it had from a history
    core::tracing tracing;
    handshake_rate address_rate;
    handshake_rate user_rate;
};

}  // namespace wsidecar::core
