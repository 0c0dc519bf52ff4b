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

namespace wsidecar::core {

/// What a path leads to.
struct route_match {
    const config::route* route = nullptr;  ///< null: no route has this path
    std::vector<std::pair<std::string, std::string>> variables;
    proto::sockjs::place place = proto::sockjs::place::none;  ///< of a SockJS route: what is asked for
    std::string session;                                      ///< its id there
    std::size_t base = 0;                                     ///< how much of the path is the route's own
};
using find_route = std::function<route_match(std::string_view path)>;

/// An upgrade request that passed every check which needs no app: lexical, path, route, origin, limits.
struct handshake {
    const config::route* route = nullptr;        ///< lives as long as the process keeps that configuration
    std::string target;                          ///< path and query as the client opened them
    std::string path;                            ///< the same without the query
    proto::variables variables;                  ///< path variables, decoded
    std::string host;                            ///< the Host that events carry (app.host applied)
    std::string connect_headers;                 ///< prebuilt lines for the connect event, Cookie included
    std::string replay_headers;                  ///< prebuilt lines for later events, without Cookie
    std::string cookie;                          ///< what later events carry as Cookie; empty when not replayed
    std::string traceparent;                     ///< of the handshake; empty: none
    bool trusted_trace = false;                  ///< its sampled flag is a trusted proxy's, not a stranger's
    std::string address;                         ///< the client's address
    bool address_is_one_client = false;          ///< it is no proxy's: handshakes_per_address holds
    std::optional<proto::jwt::claims> token{};   ///< of a route that asks for one: checked
    bool event_stream = false;                   ///< server-sent events
    std::optional<std::string> last_event_id{};  ///< of such a client that comes again
};

/// The answer to an upgrade request.
struct handshake_verdict {
    bool accepted = false;
    unsigned status = 0;        ///< when refused
    field_list headers{};       ///< refused: to relay; accepted: Set-Cookie lines of the 101
    std::string body;           ///< when refused
    std::string subprotocol{};  ///< accepted: what the app chose (Ws-Subprotocol), else empty
    connection_ptr conn{};      ///< accepted
    const char* cause = "";     ///< refused: label of wsidecar_handshakes_total
};

}  // namespace wsidecar::core
