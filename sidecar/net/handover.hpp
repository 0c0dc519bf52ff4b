#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// A client whose request http_session has read, checked and decided to hand on (`http: pass`).
struct handover {
    transport peer;
    std::string received;           ///< the request's head as it came, and what was read behind it
    std::size_t head_size;          ///< how much of `received` is the head, its empty line included
    std::string address;            ///< the TCP peer's address, without a port
    std::shared_ptr<void> place{};  ///< of a tunnel, among the connections that are counted: until it ends
};

/// What happens to requests that are no business of the gateway. Given to `server` by app/, made of http_pass.
/// Empty functions: `http: reject`.
struct passing {
    /// Passes one request through to the app and its answer back; `read_only`: its path is a route or an event path, where
    /// only GET, HEAD and OPTIONS get through (else 405). `again` takes the client back for its next request, with what was
    /// already read of it; it is not called when the connection ended.
    std::function<void(handover, bool read_only, std::function<void(transport, std::string received)> again)> request;
    /// Whether another request may be passed on, or wait for its turn: else 503.
    std::function<bool()> room = [] { return true; };
    /// Tunnels an upgrade that no route matches to the app's own WebSocket endpoint, until either side ends.
    std::function<void(handover)> tunnel;
};

}  // namespace wsidecar::net
