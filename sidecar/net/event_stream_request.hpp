#pragma once

#include <string>

#include "config/config.hpp"
#include "proto/http/http_head.hpp"
#include "sidecar/core/place.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// What the client asked for that a response with server-sent events depends on.
struct event_stream_terms {
    bool wanted = false;  ///< the request is for events, and not for a WebSocket
    bool chunked = true;  ///< false: the end of the connection ends the response (HTTP/1.0)
    core::place resumed;  ///< of its Last-Event-ID
    std::string cors;     ///< lines that let a page of another origin read the answers
};

/// The request is a page's or a program's that only listens, where WebSockets do not get through: the route allows that, and the request
/// asks for an event stream, or (as a CORS preflight) whether it may.
bool wants_event_stream(const proto::request_head& head, const config::route* route);

/// The response's head: nothing on the way may keep the events or collect them. `headers`: the app's.
std::string event_stream_head(const event_stream_terms& terms, const core::field_list& headers);

}  // namespace wsidecar::net
