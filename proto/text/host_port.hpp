#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wsidecar::proto {

/// A host with or without a port: a Host value, an entry of X-Forwarded-For, an address of the configuration.
struct host_port {
    std::string_view host;              ///< an IPv6 address without its brackets
    std::optional<std::uint16_t> port;  ///< none was written
};

/// Takes `host`, `host:port`, `[v6]`, `[v6]:port` and a bare `v6` apart (RFC 3986 section 3.2; a bare IPv6 address has no port).
/// nullopt for an empty host, a bracket without its other, and a port that is no number up to 65535. The host itself is not
/// looked at.
std::optional<host_port> split_host_port(std::string_view text);

/// The same for an address to listen on: it has a port, and its host may be empty, which means all addresses of the machine.
std::optional<host_port> split_listen_address(std::string_view text);

}  // namespace wsidecar::proto
