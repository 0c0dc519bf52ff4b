#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_policy.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

class sockjs_session;

/// What all connections in their HTTP phase use together. Shared by them: it outlives the last one.
struct http_shared {
    http_shared(session_shared& s, core::gateway::find_route r, passing p);
    ~http_shared();

    session_shared& sessions;
    core::gateway::find_route routes;
    passing pass;
    std::shared_ptr<const client_policy> policy;
    tls_context tls;  ///< null: plain
    address_count addresses;
    std::function<void(bool)> hold_accepting;
    std::size_t reading = 0;  ///< connections whose request head is not complete
    std::size_t opening = 0;  ///< connections that the gateway decides on
    bool holding = false;
    bool draining = false;
    bool short_of_memory = false;
    bool stopped = false;
    /// SockJS sessions of the HTTP transports, by the route's path as opened and the session's id.
    std::unordered_map<std::string, boost::intrusive_ptr<sockjs_session>> sockjs;
};

}  // namespace wsidecar::net
