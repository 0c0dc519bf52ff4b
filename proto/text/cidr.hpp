#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// An IPv4 or IPv6 address; IPv4 as its mapped form (RFC 4291 section 2.5.5.2), so that both compare.
using ip_bytes = std::array<std::uint8_t, 16>;

/// Textual address, also `[::1]` and with a zone; no port.
std::optional<ip_bytes> parse_ip(std::string_view text);

/// Whom limits by address take for one client, however the address is written: an IPv4 address; of IPv6 the /64, of which a
/// single subscriber has all (RFC 6177); an IPv4 address behind a translator (RFC 6052, 64:ff9b::/96) is itself. What is no
/// address is the unspecified one.
ip_bytes address_group(std::string_view text);

/// An address as inet_ntop writes it, so that one address has one text; IPv4 for a mapped one.
std::string ip_text(const ip_bytes& address);

/// A set of networks: `10.0.0.0/8`, `2001:db8::/32`, single addresses, `loopback`, and `private` (loopback, RFC 1918,
/// link-local and unique local addresses, and RFC 6598's 100.64.0.0/10, where load balancers of clouds live).
class trusted_proxies {
public:
    /// Reason: bad_network.
    static result<trusted_proxies> compile(std::span<const std::string> values);
    bool contains(std::string_view address) const;
    bool contains(const ip_bytes& address) const;

private:
    struct network {
        ip_bytes base;
        unsigned bits;
        bool is_v4;  ///< written as IPv4
    };
    static std::optional<network> parse_network(std::string_view text);
    std::vector<network> networks_;
};

}  // namespace wsidecar::proto
