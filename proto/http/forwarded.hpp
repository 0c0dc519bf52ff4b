#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "proto/text/cidr.hpp"

namespace wsidecar::proto {

/// The hop from the client, or the proxy in front, to us.
struct client_hop {
    std::string_view address;  ///< the TCP peer's, without a port
    bool tls = false;          ///< our own listener speaks TLS
};

/// X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP for the app, as complete "Name: value\r\n" lines: the peer's address
/// is appended to X-Forwarded-For; what came before it and the other values are kept from trusted peers only, else made
/// anew from this hop. Other X-Forwarded-* lines of a trusted peer follow as they are. From a trusted peer that sends none of
/// X-Forwarded-For, -Proto, -Host and -Port, Forwarded (RFC 7239) says the same. `wss` and `ws` are written https and http:
/// an event is an HTTP request.
std::string forwarded_lines(const request_head& head, const client_hop& hop, const trusted_proxies& trusted);

/// The client behind the trusted proxies: the last address of the chain that is not one of them, without port and brackets
/// (RFC 7239 section 6), in the text of ip_text(). X-Real-IP of a trusted peer says so where there is no chain.
std::string client_address(const request_head& head, std::string_view peer, const trusted_proxies& trusted);

/// What the client asked for, as far as it is known: Host, and what a trusted proxy says. `host` is a view into the head.
struct asked_for {
    std::string_view host;       ///< Host
    std::string forwarded_host;  ///< X-Forwarded-Host; empty: not said
    std::string forwarded_port;  ///< X-Forwarded-Port; empty: not said
    std::string scheme;          ///< "https" or "http"; empty: not known
};
asked_for what_was_asked_for(const request_head& head, const client_hop& hop, const trusted_proxies& trusted);

}  // namespace wsidecar::proto
