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

/// What all connections in their HTTP phase use together. Shared by them: it outlives the last one.
struct http_shared {
    http_shared(session_shared& s, core::gateway::find_route r, passing p);
    ~http_shared();

    /// Of this TCP peer. An address may have as many connections before their handshake as others (connections_per_address), and
    /// some for a browser's; behind a trusted proxy are many clients.
    pending_connections::newcomer newcomer(std::string_view address, bool idle) const;

    /// Requests to this path that are no upgrades may only read: it is a route's, or one where the app takes events.
    bool is_for_reading_only(std::string_view path) const;

    session_shared& sessions;
    core::gateway::find_route routes;
    passing pass;
    std::shared_ptr<const client_policy> policy;
    tls_context tls;  ///< null: plain
    address_count addresses;
    pending_connections pending;
    std::size_t opening = 0;  ///< connections that the gateway decides on
    std::size_t tunnels = 0;  ///< upgrades of `http: pass` that are the app's, or on their way to it
    std::size_t sockets = 0;  ///< that connections and tunnels (which have two) may take; 0: any number
    bool draining = false;
    bool short_of_memory = false;
    bool stopped = false;
    sockjs_sessions sockjs;
};

}  // namespace wsidecar::net
