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

/// A request that wants to become a connection, whether by an upgrade or as SockJS. Views: no longer than the head's bytes.
struct arrival {
    const proto::request_head& head;
    std::size_t head_size = 0;
    const std::string& address;                   ///< of the TCP peer
    bool secure = false;                          ///< our own listener speaks TLS
    std::optional<std::string> client_cert = {};  ///< subject of the client's certificate, which was verified
};

/// Why it may not: the answer.
struct turned_away {
    unsigned status = 0;
    const char* cause = "";  ///< label of wsidecar_handshakes_total
    std::string_view body;   ///< static
    core::field_list headers;
};

/// Jittered Retry-After: clients that were refused together must not come back together.
core::field_list come_back();

/// For who has waited too long for the gateway.
core::handshake_verdict late_verdict();

/// Whether a page of this Origin may use the user's credentials here; `credentials` as in proto::origin_policy::check.
result<void> check_origin(const http_shared& shared, const arrival& a, const config::route* route, bool credentials);
/// Header lines that let a page of another origin read the answer, and send cookies, where it may open a WebSocket with them.
std::string cors_lines(const http_shared& shared, const arrival& a, const config::route* route);
/// The answer to a page that asks whether it may (a CORS preflight): 204, or 403 with words. `methods`: for Allow-Methods. `age`: seconds that
/// the page may remember it.
struct preflight_answer {
    bool allowed = false;
    std::string lines;
};
preflight_answer preflight(const http_shared& shared, const arrival& a, const config::route* route, std::string_view methods,
                           long age);
/// The same for a request as it came. `credentials`: it uses some, whether it carries them itself (Cookie, Authorization) or not.
/// Logs.
std::optional<turned_away> foreign(const http_shared& shared, const arrival& a, const config::route* route,
                                   bool credentials = false);
/// The head against the route's limits; `waited`: since its first byte.
std::optional<turned_away> too_much(const arrival& a, const config::route& route, std::chrono::milliseconds waited);

/// A path and target as the events name them: of a SockJS route without what SockJS has put behind the route's path.
struct opened_path {
    opened_path(std::string_view whole_target, const proto::request_path& path, const core::gateway::route_match& match);

    std::string path;
    std::string target;
};

/// Why another connection of this client's address has to go without a place; takes its `slot` where addresses are counted.
std::optional<turned_away> no_room(http_shared& shared, std::string_view address, address_count::slot& slot);
/// The same for an upgrade that is the app's own; `place` counts it for as long as it is held.
std::optional<turned_away> admit_tunnel(const std::shared_ptr<http_shared>& shared, const arrival& a,
                                        std::shared_ptr<void>& place);

/// What the gateway is asked with. Fills `h`, and `slot` where addresses are counted.
std::optional<turned_away> admit(http_shared& shared, const arrival& a, opened_path opened, core::gateway::route_match match,
                                 core::handshake& h, address_count::slot& slot);

}  // namespace wsidecar::net
