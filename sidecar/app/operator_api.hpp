#pragma once

#include "config/config.hpp"
#include "sidecar/app/admin_server.hpp"
#include "sidecar/app/drain.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/net/app_client.hpp"
#include "sidecar/net/http_pass.hpp"
#include "sidecar/net/server.hpp"

namespace wsidecar::app {

/// What the admin paths answer from.
struct operator_view {
    const config::config& config;
    core::gateway& gateway;
    core::bus& bus;
    core::metrics& metrics;
    core::timer_port& timers;
    net::app_client& app;
    net::server& clients;
    net::http_pass* pass;  ///< null: http: reject
    drain& leaving;
    const admin_server* admin = nullptr;
};

/// Brings up to date what is not counted where it happens; queues only by those who look at every connection.
void refresh_gauges(const operator_view& v);
/// wsidecar_limit for everything that has one; times in seconds.
void show_limits(const config::config& c, core::metrics& m);

/// Registers startupz, livez, readyz, metrics, connections, push and drain (sidecar/operating.md). `view` must outlive `server`.
void serve_operators(admin_server& server, operator_view& view);

}  // namespace wsidecar::app
