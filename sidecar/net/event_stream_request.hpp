#pragma once

#include <string>

#include "config/config.hpp"
#include "proto/http/http_head.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/core/position.hpp"

namespace wsidecar::net {

/// The parts of a request that determine a response with server-sent events.
struct event_stream_terms {
    bool wanted = false;     ///< the request is for events, and not for a WebSocket
    bool chunked = true;     ///< if false, the end of the connection ends the response (HTTP/1.0)
    core::position resumed;  ///< the position in its Last-Event-ID
    std::string cors;        ///< header lines that let a page of another origin read the response
};

/// Whether a client that only listens asks for server-sent events instead of a WebSocket: the route allows them, and the request asks for an
/// event stream or is the CORS preflight for that.
bool wants_event_stream(const proto::request_head& head, const config::route* route);

/// The head of the response. It tells proxies not to cache or buffer events. `headers` are the app's.
std::string event_stream_head(const event_stream_terms& terms, const core::field_list& headers);

}  // namespace wsidecar::net
