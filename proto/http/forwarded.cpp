#include "proto/http/forwarded.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "proto/http/header_filter.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/host_port.hpp"

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
    if (const auto parts = split_host_port(host); parts && parts->port) {
        return host.substr(host.rfind(':') + 1);
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

/// wss and ws are what a WebSocket's URL says; servers behind know the schemes of HTTP only.
std::string_view http_scheme(std::string_view scheme) {
    return iequals(scheme, "wss") ? "https" : iequals(scheme, "ws") ? "http" : scheme;
}

std::string http_schemes(std::string_view list) {
    std::string out;
    each_element(list, ',', [&](std::string_view e) { out.append(out.empty() ? "" : ", ").append(http_scheme(e)); });
    return out;
}

/// What the hops before the peer are said to be.
struct earlier_hops {
    std::string chain;  ///< as X-Forwarded-For has it
    std::string proto;
    std::string host;
    std::string port;

    bool empty() const { return chain.empty() && proto.empty() && host.empty() && port.empty(); }
};

/// Returns a value of Forwarded if it can stand in X-Forwarded-*, where a quoted comma would make another element; else `other`.
std::string_view plain_or(std::string_view value, std::string_view other) {
    const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view(".:[]_-%").find(c) != std::string_view::npos;
    });
    return plain ? value : other;
}

/// Forwarded, RFC 7239 section 4: elements separated by commas, pairs by semicolons, values tokens or quoted strings.
earlier_hops read_forwarded(std::string_view text) {
    earlier_hops out;
    const auto take = [&](std::string_view name, std::string_view value) {
        if (iequals(name, "for")) {
            out.chain.append(out.chain.empty() ? "" : ", ").append(plain_or(value, "unknown"));
        } else if (iequals(name, "proto") && out.proto.empty()) {
            out.proto = plain_or(value, "");
        } else if (iequals(name, "host") && out.host.empty()) {
            out.host = plain_or(value, "");
        }
    };
    std::size_t at = 0;
    while (at < text.size()) {
        const auto equals = text.find_first_of("=,;", at);
        if (equals == std::string_view::npos) {
            break;
        }
        if (text[equals] != '=') {
            at = equals + 1;
            continue;
        }
        const auto name = trim(text.substr(at, equals - at));
        at = equals + 1;
        std::string value;
        if (at < text.size() && text[at] == '"') {
            for (++at; at < text.size() && text[at] != '"'; ++at) {
                at += text[at] == '\\' && at + 1 < text.size() ? 1U : 0U;
                value += text[at];
            }
            at = std::min(text.find_first_of(",;", std::min(at, text.size())), text.size());
        } else {
            const auto end = std::min(text.find_first_of(",;", at), text.size());
            value = trim(text.substr(at, end - at));
            at = end;
        }
        take(name, value);
        ++at;
    }
    return out;
}

/// Returns the elements of a list that can be what they should be. A proxy may pass on what a client wrote, and servers behind it
/// fail on a port that is no number.
std::string only(bool (*can_be)(std::string_view), const std::string& list) {
    std::string out;
    each_element(list, ',', [&](std::string_view e) {
        if (can_be(e)) {
            out.append(out.empty() ? "" : ", ").append(e);
        }
    });
    return out;
}

bool can_be_port(std::string_view text) {
    const auto parts = split_host_port(std::string("h:").append(text));
    return parts && parts->port.value_or(0) != 0;
}

bool can_be_scheme(std::string_view text) {
    return !text.empty() && is_alpha(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

bool can_be_host(std::string_view text) {
    return is_host(text) && split_host_port(text);
}

earlier_hops hops_before(const request_head& head, std::string_view peer, const trusted_proxies& trusted) {
    earlier_hops out;
    if (!trusted.contains(peer)) {
        return out;
    }
    out.chain = head.joined("X-Forwarded-For");
    out.proto = head.joined("X-Forwarded-Proto");
    out.host = head.joined("X-Forwarded-Host");
    out.port = head.joined("X-Forwarded-Port");
    if (out.empty()) {  // a proxy that writes one family passes on what a client wrote in the other
        out = read_forwarded(head.joined("Forwarded"));
    }
    out.proto = only(can_be_scheme, out.proto);
    out.host = only(can_be_host, out.host);
    out.port = only(can_be_port, out.port);
    return out;
}

/// The address of a hop: some proxies write it with its port, and IPv6 in brackets (RFC 7239 section 6).
std::optional<ip_bytes> hop_address(std::string_view hop) {
    if (hop.size() >= 2 && hop.front() == '"' && hop.back() == '"') {
        hop = hop.substr(1, hop.size() - 2);
    }
    // A port may be hidden behind a name, like 203.0.113.7:_p.
    if (const auto hidden = hop.rfind(":_"); hidden != std::string_view::npos && hidden > 0) {
        hop = hop.substr(0, hidden);
    }
    const auto parts = split_host_port(hop);
    return parts ? parse_ip(parts->host) : std::nullopt;
}

std::string client_of(std::string_view chain, std::string_view peer, const trusted_proxies& trusted) {
    std::string client(peer);
    std::vector<std::string_view> hops;
    each_element(chain, ',', [&](std::string_view e) { hops.push_back(e); });
    for (auto it = hops.rbegin(); it != hops.rend(); ++it) {
        const auto address = hop_address(*it);
        if (!address) {
            break;  // what a stranger wrote, or an obfuscated name: no address to count by
        }
        client = ip_text(*address);
        if (!trusted.contains(*address)) {
            break;
        }
    }
    return client;
}

/// X-Real-IP counts where nothing else says who the client is: a proxy that appends to X-Forwarded-For may pass on an X-Real-IP that the client
/// wrote.
std::string client_said(const request_head& head, const std::string& chain, std::string_view peer,
                        const trusted_proxies& trusted) {
    if (chain.empty() && trusted.contains(peer)) {
        if (const auto real = hop_address(head.find("X-Real-IP").value_or(""))) {
            return ip_text(*real);
        }
    }
    return client_of(chain, peer, trusted);
}

}  // namespace

std::string forwarded_lines(const request_head& head, const client_hop& hop, const trusted_proxies& trusted) {
    const bool keep = trusted.contains(hop.address);
    earlier_hops said = hops_before(head, hop.address, trusted);
    const std::string real = client_said(head, said.chain, hop.address, trusted);
    if (!said.chain.empty()) {
        said.chain += ", ";
    }
    said.chain += hop.address;
    said.proto = http_schemes(said.proto);
    if (said.proto.empty()) {
        said.proto = hop.tls ? "https" : "http";
    }
    if (said.host.empty()) {
        said.host = std::string(head.find("Host").value_or(""));
    }
    if (said.port.empty()) {
        said.port = port_of(first_of_list(said.host), iequals(first_of_list(said.proto), "https"));
    }

    std::string out;
    add_line(out, "X-Forwarded-For", said.chain);
    add_line(out, "X-Forwarded-Proto", said.proto);
    add_line(out, "X-Forwarded-Host", said.host);
    add_line(out, "X-Forwarded-Port", said.port);
    add_line(out, "X-Real-IP", real);
    for (const auto& h : head.headers) {
        if (keep && istarts_with(h.name, "X-Forwarded-") && is_plain_name(h.name) && !is_made_here(h.name)) {
            add_line(out, h.name, h.value);
        }
    }
    return out;
}

std::string client_address(const request_head& head, std::string_view peer, const trusted_proxies& trusted) {
    return client_said(head, hops_before(head, peer, trusted).chain, peer, trusted);
}

asked_for what_was_asked_for(const request_head& head, const client_hop& hop, const trusted_proxies& trusted) {
    const earlier_hops said = hops_before(head, hop.address, trusted);
    asked_for out;
    out.host = head.find("Host").value_or("");
    out.forwarded_host = first_of_list(said.host);
    out.forwarded_port = first_of_list(said.port);
    out.scheme = to_lower(http_scheme(first_of_list(said.proto)));
    if (out.scheme.empty() && hop.tls) {
        out.scheme = "https";
    }
    return out;
}

}  // namespace wsidecar::proto
