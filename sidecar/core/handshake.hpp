#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proto/http/jwt.hpp"
#include "proto/http/path.hpp"
#include "proto/sockjs/sockjs.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/handshake_result.hpp"

namespace wsidecar::core {

/// The result of looking up a path.
struct route_match {
    const config::route* route = nullptr;  ///< null if no route has this path
    std::vector<std::pair<std::string, std::string>> variables;
    proto::sockjs::place place = proto::sockjs::place::none;  ///< for a SockJS route: the endpoint that is requested
    std::string session;                                      ///< for a SockJS route: the session id
    std::size_t base = 0;                                     ///< length of the path's part that belongs to the route
};
using find_route = std::function<route_match(std::string_view path)>;

/// An upgrade request that has passed all checks that do not need the app: syntax, path, route, origin, limits.
struct handshake {
    const config::route* route = nullptr;  ///< valid as long as the process keeps that configuration
    std::string target;                    ///< path and query as the client sent them
    std::string path;                      ///< `target` without the query
    proto::variables variables;            ///< path variables, decoded
    std::string host;                      ///< the Host header of events, after applying app.host
    std::string connect_headers;           ///< header lines of the connect event, with Cookie
    std::string replay_headers;            ///< header lines of later events, without Cookie
    std::string cookie;                    ///< the Cookie header of later events; empty if it is not replayed
    std::string traceparent;               ///< the request's traceparent header; empty if none
    bool trusted_trace = false;            ///< whether the traceparent comes from a trusted proxy
    std::string address;                   ///< the client's address
    bool address_is_one_client =
        false;  ///< whether the address belongs to one client and not to a proxy; if so, handshakes_per_address applies
    std::optional<proto::jwt::claims> token{};   ///< the verified token, if the route requires one
    bool event_stream = false;                   ///< server-sent events
    std::optional<std::string> last_event_id{};  ///< the Last-Event-ID of a returning client of server-sent events
};

/// The answer to an upgrade request.
struct handshake_verdict {
    bool accepted = false;
    unsigned status = 0;   ///< refused: HTTP status
    field_list headers{};  ///< refused: the app's headers to relay (STOMP: all of them); accepted: Set-Cookie lines of the 101
    std::string body;      ///< refused: the answer's body
    std::string subprotocol{};                             ///< accepted: the app's choice (Ws-Subprotocol), or empty
    connection_ptr conn{};                                 ///< accepted: the connection
    handshake_result cause = handshake_result::abandoned;  ///< refused: why
};

}  // namespace wsidecar::core
