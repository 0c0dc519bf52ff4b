#include "sidecar/net/admission.hpp"

#include <algorithm>

#include "proto/http/forwarded.hpp"
#include "proto/sockjs/sockjs.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/percent.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/http_answer.hpp"
#include "sidecar/net/pass_head.hpp"
#include "sidecar/net/sockjs_session.hpp"

namespace wsidecar::net {
namespace {

using core::log::level;

/// What an event's own headers (ce-*, webhook-*, Idempotency-Key, traceparent) and framing take beside those of the client.
constexpr std::size_t event_overhead = 1024;

/// The longest event's request line and headers, as the app's server counts them.
std::size_t event_head_size(const core::handshake& h) {
    const std::string& event_path = h.route->event_path;
    std::size_t size = event_overhead + h.target.size() + h.path.size() + h.host.size() + h.connect_headers.size();
    if (!event_path.empty()) {
        size += proto::expand_path(event_path, h.variables, "disconnect").size();
    }
    for (const auto& [name, value] : h.variables) {
        size += name.size() + value.size() + 12;
    }
    return size;
}

/// The token of a route that asks for one. Fills `h`.
std::optional<turned_away> check_token(const arrival& a, const token_check& tokens, core::handshake& h) {
    auto said = tokens.check(a.head, std::chrono::system_clock::now());
    if (said) {
        h.token = std::move(*said);
        return std::nullopt;
    }
    const auto p = said.error();
    core::log::limited(level::warn, "handshake", "a client's token was rejected (401): see the route's `jwt`",
                       {{"reason", p.reason}, {"detail", p.detail}, {"path", h.path}, {"address", h.address}});
    // RFC 6750 section 3.1: who has shown none is told no error.
    const bool none = std::string_view(p.reason) == "jwt_missing";
    return turned_away{401,
                       core::handshake_result_of(p.reason),
                       p.detail,
                       {{"WWW-Authenticate", none ? "Bearer" : "Bearer error=\"invalid_token\""}}};
}

turned_away busy(core::handshake_result cause, std::string_view body) {
    core::log::limited(level::warn, "handshake", "upgrades are refused (503): a limit is reached",
                       {{"limit", core::word(cause)}});
    return {503, cause, body, come_back()};
}

/// Subprotocols are ASCII tokens. Bytes that are not ASCII have no meaning in a header of an event, so they are percent-encoded.
std::string in_ascii(std::string_view offered) {
    std::string out;
    for (std::size_t i = 0; i < offered.size(); ++i) {
        const auto one = offered.substr(i, 1);
        out += static_cast<unsigned char>(one[0]) < 0x80 ? std::string(one) : proto::percent_encode_segment(one);
    }
    return out;
}

}  // namespace

http_shared::http_shared(session_shared& s, core::gateway::find_route r, passing p)
    : sessions(s), routes(std::move(r)), pass(std::move(p)), pending(s.clock), sockjs(s.metrics) {
    pending.on_turned_away = [this](pending_connections::why reason) {
        using why = pending_connections::why;
        const char* const cause = reason == why::crowded  ? "too_many_pending"
                                  : reason == why::memory ? "pending_bytes"
                                                          : "connections_per_address";
        sessions.metrics.hit(cause);
        core::log::limited(
            level::warn, "listener",
            "connections without a request are ended to make room: of the address that has most, the longest idle",
            {{"limit", cause}, {"pending", pending.count()}, {"bytes", pending.bytes()}});
    };
}

http_shared::~http_shared() = default;

bool http_shared::is_for_reading_only(std::string_view path) const {
    const auto guarded = [this](std::string_view p) { return routes(p).route != nullptr || policy->is_event_path(p); };
    // Some frameworks treat a path with a trailing slash as the path itself.
    return guarded(path) || (path.size() > 1 && path.ends_with('/') && guarded(path.substr(0, path.size() - 1)));
}

pending_connections::newcomer http_shared::newcomer(std::string_view address, bool idle) const {
    constexpr std::uint32_t of_a_browser = 16;
    const std::uint32_t limit = sessions.config->connections_per_address;
    const bool proxy = policy->trusted().contains(address);
    return {address, limit == 0 || proxy ? 0 : std::max(limit, of_a_browser), proxy, idle};
}

core::field_list come_back() {
    return {{"Retry-After", std::to_string(1 + proto::random_below(5))}};
}

core::handshake_verdict late_verdict() {
    core::handshake_verdict v;
    v.status = 504;
    v.cause = core::handshake_result::app_timeout;
    v.body = "the application did not answer\n";
    v.headers = come_back();
    return v;
}

result<void> check_origin(const http_shared& shared, const arrival& a, const config::route* route, bool credentials) {
    const auto& policy = shared.policy->of(route).origins;
    const auto asked = proto::what_was_asked_for(a.head, {a.address, a.secure}, shared.policy->trusted());
    const auto origins = a.head.values("Origin");
    proto::page_request page;
    page.has_credentials = credentials;
    page.origins = origins;
    page.fetch_site = a.head.find("Sec-Fetch-Site").value_or("");
    page.host = asked.host;
    page.forwarded_host = asked.forwarded_host;
    page.forwarded_port = asked.forwarded_port;
    page.scheme = asked.scheme;
    auto said = policy.check(page);
    // A page's GET to its own host has no Origin; browsers vouch for it, and no page can write that header.
    if (!said && origins.empty() && page.fetch_site == "same-origin") {
        for (const char* scheme : {"https://", "http://"}) {
            const std::string own = scheme + std::string(page.forwarded_host.empty() ? page.host : page.forwarded_host);
            const std::string_view one = own;
            page.origins = {&one, 1};
            if (policy.check(page)) {
                return {};
            }
        }
    }
    return said;
}

std::string cors_lines(const http_shared& shared, const arrival& a, const config::route* route) {
    std::string lines = "Vary: Origin\r\n";
    const auto origins = a.head.values("Origin");
    if (origins.size() == 1 && check_origin(shared, a, route, true)) {
        lines += header_line("Access-Control-Allow-Origin", origins.front());
        lines += "Access-Control-Allow-Credentials: true\r\n";
    }
    return lines;
}

preflight_answer preflight(const http_shared& shared, const arrival& a, const config::route* route, std::string_view methods,
                           long age) {
    // A preflight never has cookies; the request that it asks for will have them.
    if (!check_origin(shared, a, route, true)) {
        return {};
    }
    preflight_answer p{true, cors_lines(shared, a, route)};
    p.lines += header_line("Access-Control-Allow-Methods", methods);
    p.lines += header_line("Access-Control-Max-Age", std::to_string(age));
    if (const std::string asked = a.head.joined("Access-Control-Request-Headers"); !asked.empty()) {
        p.lines += header_line("Access-Control-Allow-Headers", asked);
    }
    return p;
}

std::optional<turned_away> foreign(const http_shared& shared, const arrival& a, const config::route* route, bool credentials) {
    // A browser presents its user's certificate for every page that opens the connection, just as it sends their cookies.
    credentials = credentials || a.head.find("Cookie").has_value() || a.head.find("Authorization").has_value() ||
                  a.client_cert.has_value();
    const auto ok = check_origin(shared, a, route, credentials);
    if (ok) {
        return std::nullopt;
    }
    core::log::limited(level::warn, "handshake",
                       "an upgrade from another origin was refused (403): if it is one of yours, list it in `origins`",
                       {{"origin", a.head.find("Origin").value_or("none")},
                        {"host", a.head.find("Host").value_or("")},
                        {"path", a.head.target.substr(0, a.head.target.find('?'))},
                        {"reason", ok.error().reason}});
    return turned_away{
        403, core::handshake_result_of(ok.error().reason), "this Origin is not allowed here: see the setting `origins`", {}};
}

std::optional<turned_away> too_much(const arrival& a, const config::route& route, std::chrono::milliseconds waited) {
    if (a.head_size > route.limits.headers || a.head.headers.size() > route.limits.header_count) {
        return turned_away{
            431, core::handshake_result::head_too_big, "the request head is larger than this route's limits.headers", {}};
    }
    if (waited > route.limits.handshake) {
        return turned_away{
            408, core::handshake_result::timeout, "the request did not come in this route's limits.handshake", {}};
    }
    return std::nullopt;
}

opened_path::opened_path(std::string_view whole_target, const proto::request_path& p, const core::gateway::route_match& match)
    : path(match.base == 0 ? "/" : p.path.substr(0, match.base)), target(path) {
    target += whole_target.substr(p.path.size());
}

std::optional<turned_away> no_room(http_shared& shared, std::string_view address, address_count::slot& slot) {
    const config::config& config = *shared.sessions.config;
    if (shared.sessions.open + shared.opening + shared.tunnels >= config.max_connections &&
        !shared.sessions.gateway.end_silent_one()) {
        return busy(core::handshake_result::max_connections, "too many connections");
    }
    if (shared.short_of_memory) {
        return busy(core::handshake_result::memory, "short of memory");
    }
    if (const std::uint32_t limit = config.connections_per_address; limit != 0) {
        if (shared.addresses.count(address) >= limit) {
            return busy(core::handshake_result::connections_per_address, "too many connections from this address");
        }
        slot = shared.addresses.take(address);
    }
    return std::nullopt;
}

std::optional<turned_away> admit_tunnel(const std::shared_ptr<http_shared>& shared, const arrival& a,
                                        std::shared_ptr<void>& place) {
    struct held {
        explicit held(std::shared_ptr<http_shared> s) : shared(std::move(s)) { ++shared->tunnels; }
        held(const held&) = delete;
        held& operator=(const held&) = delete;
        ~held() {
            slot.reset();
            --shared->tunnels;
        }
        std::shared_ptr<http_shared> shared;
        address_count::slot slot;
    };
    const std::string address = proto::client_address(a.head, a.address, shared->policy->trusted());
    address_count::slot slot;
    if (auto away = no_room(*shared, address, slot)) {
        return away;
    }
    if (shared->sockets != 0 && shared->sessions.open + shared->opening + 2 * (shared->tunnels + 1) > shared->sockets) {
        return busy(core::handshake_result::max_connections, "too many connections");
    }
    const auto h = std::make_shared<held>(shared);
    h->slot = std::move(slot);
    place = h;
    return std::nullopt;
}

std::optional<turned_away> admit(http_shared& shared, const arrival& a, opened_path opened, core::gateway::route_match match,
                                 core::handshake& h, address_count::slot& slot) {
    const client_policy& policy = *shared.policy;
    const route_policy& wants = policy.of(match.route);
    const config::config& config = *shared.sessions.config;
    const std::string forwarded = proto::forwarded_lines(a.head, {a.address, a.secure}, policy.trusted());

    h.route = match.route;
    h.target = std::move(opened.target);
    h.path = std::move(opened.path);
    h.variables = std::move(match.variables);
    h.host = config.app.host == "preserve" ? std::string(a.head.find("Host").value_or("")) : config.app.host;
    h.connect_headers = wants.connect.lines(a.head, forwarded);
    if (const std::string offered = a.head.joined("Sec-WebSocket-Protocol"); !offered.empty()) {
        h.connect_headers += "ws-subprotocols: " + in_ascii(offered) + "\r\n";
    }
    h.replay_headers = wants.replay.lines(a.head, forwarded, proto::cookies::without);
    h.cookie = wants.replays_cookie ? proto::cookie_of(a.head) : std::string();
    h.traceparent = std::string(a.head.find("traceparent").value_or(""));
    h.trusted_trace = config.tracing.callers == "trust" && policy.trusted().contains(a.address);
    h.address = proto::client_address(a.head, a.address, policy.trusted());
    // A trusted peer that names no client, or calls it `unknown`, may stand for any number of them.
    h.address_is_one_client =
        proto::parse_ip(h.address).has_value() && (h.address != a.address || !policy.trusted().contains(a.address));
    std::string own = client_cert_line(a.client_cert);
    if (const auto transport = proto::sockjs::transport_word(match.place); !transport.empty()) {
        own.append("ws-transport: ").append(transport).append("\r\n");
    }
    h.connect_headers += own;
    h.replay_headers += own;

    if (const std::size_t size = event_head_size(h); size > config.app.max_header) {
        core::log::limited(
            level::warn, "handshake",
            "an upgrade was refused (431): its headers would make events larger than app.max_header; raise "
            "it, and the app's own limit (Tomcat: maxHttpHeaderSize, Spring: server.max-http-request-header-size)",
            {{"bytes", size}, {"app.max_header", config.app.max_header}, {"path", h.path}});
        return turned_away{431, core::handshake_result::max_header, "the request's headers are larger than app.max_header", {}};
    }
    if (auto away = no_room(shared, h.address, slot)) {
        return away;
    }
    return wants.tokens ? check_token(a, *wants.tokens, h) : std::nullopt;
}

}  // namespace wsidecar::net
