#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_policy.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/pending_connections.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/sockjs_sessions.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// State that all connections in their HTTP phase share. They own it together, so it outlives the last one. Event loop only.
struct http_shared {
    http_shared(session_shared& s, core::gateway::find_route r, passing p);
    ~http_shared();

    /// The bounds for connections of this TCP peer before their handshake: connections_per_address and a few more for a browser. A trusted
    /// proxy stands for many clients.
    pending_connections::newcomer newcomer(std::string_view address, bool idle) const;

    /// Whether requests to this path that are not upgrades may only read, because it is a route's path or one where the app takes events.
    bool is_for_reading_only(std::string_view path) const;

    session_shared& sessions;
    core::gateway::find_route routes;
    passing pass;
    std::shared_ptr<const client_policy> policy;
    tls_context tls;  ///< null without TLS
    address_count addresses;
    pending_connections pending;
    std::size_t opening = 0;  ///< connections that wait for the gateway's decision
    std::size_t tunnels = 0;  ///< tunnels of `http: pass` that are open or being opened
    std::size_t sockets = 0;  ///< most sockets for connections and tunnels (which have two); 0 for no limit
    bool draining = false;
    bool short_of_memory = false;
    bool stopped = false;
    sockjs_sessions sockjs;
};

}  // namespace wsidecar::net
