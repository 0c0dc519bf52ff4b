#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "proto/text/cidr.hpp"

namespace wsidecar::proto {

/// The last hop: from the client, or from the proxy in front of wsidecar.
struct client_hop {
    std::string_view address;  ///< the TCP peer's address without a port
    bool tls = false;          ///< whether the client speaks TLS to our own listener
};

/// Returns X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP for the app, as complete "Name: value\r\n" lines. The peer's address is
/// appended to X-Forwarded-For. Earlier addresses and the other values are kept only from trusted peers; otherwise they are made
/// from this hop. Other X-Forwarded-* lines of a trusted peer follow unchanged. If a trusted peer sends none of X-Forwarded-For,
/// -Proto, -Host and -Port, its Forwarded header (RFC 7239) is used. `wss` and `ws` are written as https and http, because an event is
/// an HTTP request.
std::string forwarded_lines(const request_head& head, const client_hop& hop, const trusted_proxies& trusted);

/// The client behind the trusted proxies: the last address of the chain that is not one of them, in the text of ip_text(), without port
/// and brackets (RFC 7239 section 6).
std::string client_address(const request_head& head, std::string_view peer, const trusted_proxies& trusted);

/// What the client asked for, from Host and from what a trusted proxy says. `host` is a view into the head.
struct asked_for {
    std::string_view host;       ///< Host
    std::string forwarded_host;  ///< X-Forwarded-Host; empty if there is none
    std::string forwarded_port;  ///< X-Forwarded-Port; empty if there is none
    std::string scheme;          ///< "https" or "http"; empty if unknown
};
asked_for what_was_asked_for(const request_head& head, const client_hop& hop, const trusted_proxies& trusted);

}  // namespace wsidecar::proto
