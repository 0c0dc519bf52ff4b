#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/text.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_policy.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/pending_connections.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

class sockjs_session;

/// What all connections in their HTTP phase use together. Shared by them: it outlives the last one.
struct http_shared {
    http_shared(session_shared& s, core::gateway::find_route r, passing p);
    ~http_shared();

    /// Of this TCP peer. An address may have as many connections before their handshake as others (connections_per_address), and
    /// some for a browser's; behind a trusted proxy are many clients.
    pending_connections::newcomer newcomer(std::string_view address, bool idle) const;

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
    /// SockJS sessions that have ended, which polls that come late are told of; the first to end at the front. Together they hold no more than
    /// core::sockjs_ended_bytes.
    std::list<sockjs_session*> ended;
    std::size_t ended_bytes = 0;
    /// SockJS sessions of the HTTP transports, by the route's path as opened and the session's id.
    core::by_text<boost::intrusive_ptr<sockjs_session>> sockjs;
};

}  // namespace wsidecar::net
