#include "proto/text/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace wsidecar::proto {

namespace {

constexpr unsigned v4_prefix_bits = 96;

bool is_mapped_v4(const ip_bytes& a) {
    return std::all_of(a.begin(), a.begin() + 10, [](auto b) { return b == 0; }) && a[10] == 0xFF && a[11] == 0xFF;
}

bool same_prefix(const ip_bytes& a, const ip_bytes& b, unsigned bits) {
    const unsigned whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) {
        return false;
    }
    const unsigned rest = bits % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::optional<ip_bytes> parse_ip(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
    }
    text = text.substr(0, text.find('%'));
    std::array<char, INET6_ADDRSTRLEN> name{};
    if (text.size() >= name.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::copy(text.begin(), text.end(), name.begin());
    ip_bytes a{};
    if (text.find(':') != std::string_view::npos) {
        return inet_pton(AF_INET6, name.data(), a.data()) == 1 ? std::optional(a) : std::nullopt;
    }
    a[10] = a[11] = 0xFF;
    return inet_pton(AF_INET, name.data(), a.data() + 12) == 1 ? std::optional(a) : std::nullopt;
}

ip_bytes address_group(std::string_view text) {
    static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static constexpr std::array<std::uint8_t, 12> translated{0, 0x64, 0xFF, 0x9B};
    ip_bytes a = parse_ip(text).value_or(ip_bytes{});
    if (std::equal(translated.begin(), translated.end(), a.begin())) {
        std::copy(mapped.begin(), mapped.end(), a.begin());
    }
    if (!std::equal(mapped.begin(), mapped.end(), a.begin())) {
        std::fill(a.begin() + 8, a.end(), std::uint8_t{0});
    }
    return a;
}

std::string ip_text(const ip_bytes& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = is_mapped_v4(address);
    inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text.data(), text.size());
    return text.data();
}

std::optional<trusted_proxies::network> trusted_proxies::parse_network(std::string_view text) {
    const auto slash = text.find('/');
    const auto base = parse_ip(text.substr(0, slash));
    if (!base) {
        return std::nullopt;
    }
    const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
    unsigned bits = v4 ? 32 : 128;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        unsigned n = 0;
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
        if (ec != std::errc() || end != digits.data() + digits.size() || n > bits) {
            return std::nullopt;
        }
        bits = n;
    }
    const unsigned all_bits = v4 ? v4_prefix_bits + bits : bits;
    return network{*base, all_bits, is_mapped_v4(*base) && all_bits >= v4_prefix_bits};
}

result<trusted_proxies> trusted_proxies::compile(std::span<const std::string> values) {
    static constexpr std::string_view loopback[] = {"127.0.0.0/8", "::1"};
    static constexpr std::string_view private_ranges[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                                                          "100.64.0.0/10", "fc00::/7",      "fe80::/10"};
    trusted_proxies t;
    for (const auto& v : values) {
        if (v == "loopback" || v == "private") {
            for (const auto n : loopback) {
                t.networks_.push_back(*parse_network(n));
            }
            if (v == "private") {
                for (const auto n : private_ranges) {
                    t.networks_.push_back(*parse_network(n));
                }
            }
            continue;
        }
        const auto n = parse_network(v);
        if (!n) {
            return problem{"bad_network", "a network is like 10.0.0.0/8, 2001:db8::/32, private or loopback"};
        }
        t.networks_.push_back(*n);
    }
    return t;
}

bool trusted_proxies::contains(const ip_bytes& address) const {
    const bool v4 = is_mapped_v4(address);
    return std::any_of(networks_.begin(), networks_.end(), [&](const network& n) {
        // ::/0 and the like speak of IPv6; an IPv4 address is only in networks written as IPv4.
        return n.is_v4 == v4 && same_prefix(n.base, address, n.bits);
    });
}

bool trusted_proxies::contains(std::string_view address) const {
    const auto a = parse_ip(address);
    return a && contains(*a);
}

}  // namespace wsidecar::proto
