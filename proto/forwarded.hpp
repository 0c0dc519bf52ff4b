#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/cidr.hpp"
#include "proto/http_head.hpp"

namespace wsidecar::proto {

/// The hop from the client, or the proxy in front, to us.
struct client_hop {
    std::string_view address;  ///< the TCP peer's, without a port
    bool tls = false;          ///< our own listener speaks TLS
};

/// X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP for the app, as complete "Name: value\r\n" lines: the peer's address
/// is appended to X-Forwarded-For; what came before it and the other values are kept from trusted peers only, else made
/// anew from this hop. Other X-Forwarded-* lines of a trusted peer follow as they are.
std::string forwarded_lines(const request_head& head, const client_hop& hop, const trusted_proxies& trusted);

/// The client behind the trusted proxies: the last address of the chain that is not one of them.
std::string client_address(const request_head& head, std::string_view peer, const trusted_proxies& trusted);

/// X-Forwarded-Host when the peer is trusted, else empty: for origin_policy::check.
std::string_view forwarded_host(const request_head& head, std::string_view peer, const trusted_proxies& trusted);

}  // namespace wsidecar::proto
