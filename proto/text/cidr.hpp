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

/// An IPv4 or IPv6 address. An IPv4 address is stored in its mapped form (RFC 4291 section 2.5.5.2), so that both can be compared.
using ip_bytes = std::array<std::uint8_t, 16>;

/// Parses an address in text form, also `[::1]` and with a zone. A port is not accepted.
std::optional<ip_bytes> parse_ip(std::string_view text);

/// What limits by address count as one client, however the address is written: an IPv4 address, or the /64 of an IPv6 address, because
/// one subscriber has all of it (RFC 6177). An IPv4 address behind a translator (RFC 6052, 64:ff9b::/96) counts by itself. A text that
/// is not an address gives the unspecified address.
ip_bytes address_group(std::string_view text);

/// The address as inet_ntop() writes it, so that each address has one text. A mapped address is written as IPv4.
std::string ip_text(const ip_bytes& address);

/// A set of networks: `10.0.0.0/8`, `2001:db8::/32`, single addresses, `loopback`, and `private` (loopback, RFC 1918,
/// link-local and unique local addresses, and 100.64.0.0/10 of RFC 6598, which load balancers of clouds use).
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
        bool is_v4;  ///< it was written as IPv4
    };
    static std::optional<network> parse_network(std::string_view text);
    std::vector<network> networks_;
};

}  // namespace wsidecar::proto
