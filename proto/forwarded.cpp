#include "proto/forwarded.hpp"

#include <algorithm>
#include <vector>

#include "proto/ascii.hpp"

namespace wsidecar::proto {

namespace {

void add_line(std::string& out, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        out.append(name).append(": ").append(value).append("\r\n");
    }
}

std::string_view first_of_list(std::string_view s) {
    return trim(s.substr(0, s.find(',')));
}

/// Port of a Host value, else the scheme's.
std::string_view port_of(std::string_view host, bool secure) {
    const auto colon = host.rfind(':');
    const auto bracket = host.rfind(']');
    const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    if (has_port && colon + 1 < host.size()) {
        return host.substr(colon + 1);
    }
    return secure ? "443" : "80";
}

/// The ones that are made here; other members of the family are kept from trusted peers.
bool is_made_here(std::string_view name) {
    for (const auto n : {"For", "Proto", "Host", "Port"}) {
        if (iequals(name.substr(12), n)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string forwarded_lines(const request_head& head, const client_hop& hop, const trusted_proxies& trusted) {
    const bool keep = trusted.contains(hop.address);
    const auto kept = [&](std::string_view name) { return keep ? head.joined(name) : std::string(); };

    std::string chain = kept("X-Forwarded-For");
    if (!chain.empty()) {
        chain += ", ";
    }
    chain += hop.address;
    std::string proto = kept("X-Forwarded-Proto");
    if (proto.empty()) {
        proto = hop.tls ? "https" : "http";
    }
    std::string host = kept("X-Forwarded-Host");
    if (host.empty()) {
        host = std::string(head.find("Host").value_or(""));
    }
    std::string port = kept("X-Forwarded-Port");
    if (port.empty()) {
        const auto scheme = first_of_list(proto);
        port = port_of(first_of_list(host), iequals(scheme, "https") || iequals(scheme, "wss"));
    }
    std::string real = keep ? std::string(head.find("X-Real-IP").value_or("")) : "";
    if (real.empty()) {
        real = client_address(head, hop.address, trusted);
    }

    std::string out;
    add_line(out, "X-Forwarded-For", chain);
    add_line(out, "X-Forwarded-Proto", proto);
    add_line(out, "X-Forwarded-Host", host);
    add_line(out, "X-Forwarded-Port", port);
    add_line(out, "X-Real-IP", real);
    for (const auto& h : head.headers) {
        if (keep && istarts_with(h.name, "X-Forwarded-") && !is_made_here(h.name)) {
            add_line(out, h.name, h.value);
        }
    }
    return out;
}

std::string client_address(const request_head& head, std::string_view peer, const trusted_proxies& trusted) {
    std::string client(peer);
    if (!trusted.contains(peer)) {
        return client;
    }
    const std::string chain = head.joined("X-Forwarded-For");
    std::vector<std::string_view> hops;
    each_element(chain, ',', [&](std::string_view e) { hops.push_back(e); });
    for (auto it = hops.rbegin(); it != hops.rend(); ++it) {
        if (!parse_ip(*it)) {
            break;  // what a stranger wrote, or an obfuscated name: no address to count by
        }
        client = *it;
        if (!trusted.contains(*it)) {
            break;
        }
    }
    return client;
}

std::string_view forwarded_host(const request_head& head, std::string_view peer, const trusted_proxies& trusted) {
    return trusted.contains(peer) ? head.find("X-Forwarded-Host").value_or("") : std::string_view();
}

}  // namespace wsidecar::proto
