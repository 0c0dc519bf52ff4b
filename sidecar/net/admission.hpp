#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "proto/http/path.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/http_shared.hpp"

namespace wsidecar::net {

/// A request for a connection, by an upgrade or by SockJS. Its views are valid as long as the head's bytes.
struct arrival {
    const proto::request_head& head;
    std::size_t head_size = 0;
    const std::string& address;                   ///< of the TCP peer
    bool secure = false;                          ///< our own listener speaks TLS
    std::optional<std::string> client_cert = {};  ///< subject of the client's verified certificate; nullopt if there is none
};

/// The answer to a request that is refused.
struct turned_away {
    unsigned status = 0;
    core::handshake_result cause = core::handshake_result::other;
    std::string_view body;  ///< static storage
    core::field_list headers;
};

/// A jittered Retry-After header, so that clients that were refused together do not return together.
core::field_list come_back();

/// The verdict for a client whose handshake has waited too long for the gateway.
core::handshake_verdict late_verdict();

/// Checks whether a page of this Origin may use the user's credentials here. `credentials` is as in proto::origin_policy::check.
result<void> check_origin(const http_shared& shared, const arrival& a, const config::route* route, bool credentials);
/// The CORS header lines that let a page of another origin read the answer and send cookies, if it may open a WebSocket with them.
std::string cors_lines(const http_shared& shared, const arrival& a, const config::route* route);
/// The answer to a CORS preflight request: 204, or 403 with a reason. `methods` is for Access-Control-Allow-Methods. `age` is the number of
/// seconds for which the page may cache the answer.
struct preflight_answer {
    bool allowed = false;
    std::string lines;
};
preflight_answer preflight(const http_shared& shared, const arrival& a, const config::route* route, std::string_view methods,
                           long age);
/// Refuses a request of a page from a foreign origin, and logs that. `credentials` says that the request acts with credentials, even if it
/// does not carry them itself (Cookie, Authorization).
std::optional<turned_away> foreign(const http_shared& shared, const arrival& a, const config::route* route,
                                   bool credentials = false);
/// Checks the head against the route's limits. `waited` is the time since its first byte.
std::optional<turned_away> too_much(const arrival& a, const config::route& route, std::chrono::milliseconds waited);

/// A path and target as events name them: for a SockJS route, without the part that SockJS appends to the route's path.
struct opened_path {
    opened_path(std::string_view whole_target, const proto::request_path& path, const core::gateway::route_match& match);

    std::string path;
    std::string target;
};

/// Checks the limits on the number of connections. Returns the refusal, or nullopt after taking a `slot` if addresses are counted.
std::optional<turned_away> no_room(http_shared& shared, std::string_view address, address_count::slot& slot);
/// Checks the same limits for an upgrade that is tunnelled to the app. `place` counts the tunnel as long as it is held.
std::optional<turned_away> admit_tunnel(const std::shared_ptr<http_shared>& shared, const arrival& a,
                                        std::shared_ptr<void>& place);

/// Checks a request and prepares the handshake for the gateway. Fills `h`, and `slot` if addresses are counted.
std::optional<turned_away> admit(http_shared& shared, const arrival& a, opened_path opened, core::gateway::route_match match,
                                 core::handshake& h, address_count::slot& slot);

}  // namespace wsidecar::net
