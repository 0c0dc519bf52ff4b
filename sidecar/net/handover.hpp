#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// A client whose request http_session has read and checked, and that is handed to http_pass (`http: pass`).
struct handover {
    transport peer;
    std::string received;           ///< the request's head as received, and the bytes read after it
    std::size_t head_size;          ///< size of the head in `received`, including its empty line
    std::string address;            ///< the TCP peer's address, without a port
    std::shared_ptr<void> place{};  ///< counts a tunnel as a connection as long as it is held
};

/// Handles requests that are not for the gateway. app/ makes it of http_pass and gives it to `server`. The functions are empty for
/// `http: reject`.
struct passing {
    /// Passes one request to the app and the answer back. `read_only` means that its path is a route or an event path, so methods other
    /// than GET, HEAD and OPTIONS get 405. `again` takes the client back for its next request, with the bytes already read; it is not
    /// called if the connection has ended.
    std::function<void(handover, bool read_only, std::function<void(transport, std::string received)> again)> request;
    /// Whether another request may be passed on or queued; if not, it gets 503.
    std::function<bool()> room = [] { return true; };
    /// Tunnels an upgrade that no route matches to the app's own WebSocket endpoint, until either side ends.
    std::function<void(handover)> tunnel;
};

}  // namespace wsidecar::net
