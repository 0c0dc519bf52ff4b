#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wsidecar::proto {

/// A host with or without a port, for example a Host value, an entry of X-Forwarded-For, or an address in the configuration.
struct host_port {
    std::string_view host;              ///< an IPv6 address has no brackets here
    std::optional<std::uint16_t> port;  ///< nullopt if none was written
};

/// Parses `host`, `host:port`, `[v6]`, `[v6]:port` and `v6` (RFC 3986 section 3.2; an IPv6 address without brackets has no port).
/// Returns nullopt for an empty host, a missing bracket, and a port that is not a number up to 65535. The characters of the host are
/// not checked.
std::optional<host_port> split_host_port(std::string_view text);

/// Parses an address to listen on: it has a port, and its host may be empty, which stands for all addresses of the machine.
std::optional<host_port> split_listen_address(std::string_view text);

}  // namespace wsidecar::proto
