// http_session: what becomes of a request. The order is the contract's: the head's form, the path, then what it wants.

#include <algorithm>

#include "proto/deflate.hpp"
#include "proto/forwarded.hpp"
#include "proto/handshake.hpp"
#include "proto/ids.hpp"
#include "proto/path.hpp"
#include "proto/stomp_version.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/http_answer.hpp"
#include "sidecar/net/http_session.hpp"
#include "sidecar/net/ws_session.hpp"

namespace wsidecar::net {
namespace {

using core::log::level;

/// What an event's own headers (ce-*, webhook-*, Idempotency-Key, traceparent) and framing take beside those of the client.
constexpr std::size_t event_overhead = 1024;

/// Jittered: clients that were refused together must not come back together.
core::field_list come_back() {
    return {{"Retry-After", std::to_string(1 + proto::random_below(5))}};
}

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

}  // namespace

void http_session::look_at_head() {
    const proto::head_scan scan = proto::scan_head(received_, shared_->policy->head_limits());
    switch (scan.what) {
        case proto::head_scan::state::incomplete: wait_readable(); return;
        case proto::head_scan::state::problem:
            stop_reading();
            refuse(scan.status, scan.why.reason, scan.why.detail);
            return;
        case proto::head_scan::state::complete: break;
    }
    stop_reading();
    disarm();
    head_size_ = scan.size;
    head_only_ = scan.head.method == "HEAD";
    decide(scan.head);
}

void http_session::decide(const proto::request_head& head) {
    const auto path = proto::check_path(head.target);
    if (!path) {
        refuse(400, path.error().reason, path.error().detail);
    } else if (proto::classify(head) == proto::request_kind::plain) {
        plain_request(head, *path);
    } else {
        upgrade_request(head, *path);
    }
}

bool http_session::is_for_reading_only(std::string_view path) const {
    const auto guarded = [this](std::string_view p) {
        return shared_->routes(p).route != nullptr || shared_->policy->is_event_path(p);
    };
    // Some frameworks take a path with a slash behind it for the path itself.
    return guarded(path) || (path.size() > 1 && path.ends_with('/') && guarded(path.substr(0, path.size() - 1)));
}

void http_session::plain_request(const proto::request_head& head, const proto::request_path& path) {
    if (const auto sound = proto::check_request(head); !sound) {
        refuse_plain(sound.error().status, sound.error().why.detail);
    } else if (!shared_->pass.request) {
        refuse_plain(426, "this address takes WebSocket connections only (`http: pass` passes other requests on)");
    } else {
        const bool read_only = is_for_reading_only(path.path);
        stage_ = stage::over;
        shared_->pass.request(hand_over(), read_only,
                              [shared = shared_, address = address_](transport peer, std::string received) {
                                  next_request(shared, std::move(peer), address, std::move(received));
                              });
    }
}

handover http_session::hand_over() {
    return {std::move(peer_), std::move(received_), head_size_, address_};
}

void http_session::upgrade_request(const proto::request_head& head, const proto::request_path& path) {
    const auto upgrade = proto::check_upgrade(head);
    if (!upgrade) {
        refuse(upgrade.error().status, upgrade.error().why.reason, upgrade.error().why.detail);
        return;
    }
    auto match = shared_->routes(path.path);
    if (match.route == nullptr && !shared_->pass.tunnel) {
        refuse(404, "no_route", "no route matches this path");
        return;
    }
    if (match.route != nullptr &&
        (head_size_ > match.route->limits.headers || head.headers.size() > match.route->limits.header_count)) {
        refuse(431, "head_too_big", "the request head is larger than this route's limits.headers");
        return;
    }
    if (match.route != nullptr &&
        std::chrono::milliseconds(shared_->sessions.clock.milliseconds() - began_) > match.route->limits.handshake) {
        refuse(408, "timeout", "the request did not come in this route's limits.handshake");
        return;
    }
    if (!origin_allowed(head, match.route)) {
        return;
    }
    if (shared_->draining || shared_->stopped) {
        refuse(503, "draining", "this instance is going away", come_back());
    } else if (match.route == nullptr) {
        stage_ = stage::over;
        shared_->pass.tunnel(hand_over());
    } else {
        ask_gateway(head, *upgrade, path, std::move(match));
    }
}

bool http_session::origin_allowed(const proto::request_head& head, const config::route* route) {
    const client_policy& policy = *shared_->policy;
    const bool credentials = head.find("Cookie").has_value() || head.find("Authorization").has_value();
    const auto origins = head.values("Origin");
    const auto host = head.find("Host").value_or("");
    const auto ok =
        policy.of(route).origins.check(credentials, origins, host, proto::forwarded_host(head, address_, policy.trusted()));
    if (ok) {
        return true;
    }
    core::log::limited(level::warn, "handshake",
                       "an upgrade from another origin was refused (403): if it is one of yours, list it in `origins`",
                       {{"origin", origins.empty() ? std::string_view("none") : origins.front()},
                        {"host", host},
                        {"path", head.target.substr(0, head.target.find('?'))},
                        {"reason", ok.error().reason}});
    refuse(403, ok.error().reason, "this Origin is not allowed here: see the setting `origins`");
    return false;
}

void http_session::ask_gateway(const proto::request_head& head, const proto::upgrade_request& upgrade,
                               const proto::request_path& path, core::gateway::route_match match) {
    const client_policy& policy = *shared_->policy;
    const route_policy& wants = policy.of(match.route);
    session_shared& sessions = shared_->sessions;
    const std::string forwarded = proto::forwarded_lines(head, {address_, peer_.secure()}, policy.trusted());

    core::handshake h;
    h.route = match.route;
    h.target = std::string(head.target);
    h.path = std::string(path.path);
    h.variables = std::move(match.variables);
    h.host = config().app.host == "preserve" ? std::string(upgrade.host) : config().app.host;
    h.connect_headers = wants.connect.lines(head, forwarded);
    h.replay_headers = wants.replay.lines(head, forwarded, proto::cookies::without);
    h.cookie = wants.replays_cookie ? proto::cookie_of(head) : std::string();
    h.traceparent = std::string(head.find("traceparent").value_or(""));
    h.address = proto::client_address(head, address_, policy.trusted());

    if (const std::size_t size = event_head_size(h); size > config().app.max_header) {
        core::log::limited(
            level::warn, "handshake",
            "an upgrade was refused (431): its headers would make events larger than app.max_header; raise "
            "it, and the app's own limit (Tomcat: maxHttpHeaderSize, Spring: server.max-http-request-header-size)",
            {{"bytes", size}, {"app.max_header", config().app.max_header}, {"path", h.path}});
        refuse(431, "max_header", "the request's headers are larger than app.max_header");
        return;
    }
    if (sessions.open + shared_->opening >= config().max_connections) {
        refuse_busy("max_connections", "too many connections");
        return;
    }
    if (shared_->short_of_memory) {
        refuse_busy("memory", "short of memory");
        return;
    }
    if (const std::uint32_t limit = config().connections_per_address; limit != 0) {
        if (shared_->addresses.count(h.address) >= limit) {
            refuse_busy("connections_per_address", "too many connections from this address");
            return;
        }
        slot_ = shared_->addresses.take(h.address);
    }

    key_ = std::string(upgrade.key);
    offered_.assign(upgrade.subprotocols.begin(), upgrade.subprotocols.end());
    if (h.route->deflate) {
        extensions_ = proto::negotiate_deflate(upgrade.extensions).value_or("");
    }
    received_.erase(0, head_size_);  // the head's views end here; what is left came behind it
    stage_ = stage::waiting;
    ++shared_->opening;
    // An app that takes no connections for long must not hold clients for ever; the gateway's own answer comes sooner.
    sessions.clock.arm(*this, 3 * config().app.timeout + std::chrono::seconds(2));
    auto conn =
        sessions.gateway.open(std::move(h), [self = ref(this)](core::handshake_verdict v) { self->on_verdict(std::move(v)); });
    if (stage_ == stage::waiting) {
        conn_ = std::move(conn);
        wait_readable();  // to notice its going away
    }
}

core::handshake_verdict http_session::late_verdict() {
    core::handshake_verdict v;
    v.status = 504;
    v.cause = "app_timeout";
    v.body = "the application did not answer\n";
    v.headers = come_back();
    return v;
}

void http_session::on_verdict(core::handshake_verdict v) {
    if (stage_ != stage::waiting) {
        return;
    }
    --shared_->opening;
    if (!v.accepted) {
        slot_.reset();
        conn_.reset();
        refuse(v.status, v.cause, v.body, std::move(v.headers));
        return;
    }
    metrics().handshakes.at({"accepted"}) += 1;
    conn_ = std::move(v.conn);
    std::string_view subprotocol = v.subprotocol;
    if (conn_->stomp) {
        // As Spring: the client's first that is known here; without any it is STOMP all the same.
        const auto known = std::find_if(offered_.begin(), offered_.end(),
                                        [](const auto& name) { return proto::stomp::subprotocol_version(name).has_value(); });
        subprotocol = known == offered_.end() ? std::string_view() : std::string_view(*known);
    } else if (std::find(offered_.begin(), offered_.end(), subprotocol) == offered_.end()) {
        if (!subprotocol.empty()) {
            metrics().bad_answers.at({"bad_answer", "subprotocol"}) += 1;
        }
        const std::vector<std::string_view> offered(offered_.begin(), offered_.end());
        subprotocol = proto::negotiate_subprotocol(offered, conn_->route->subprotocols);
    }
    std::string lines;
    for (const auto& [name, value] : v.headers) {
        lines += header_line(name, value);
    }
    upgraded_ = true;
    answer(proto::switching_protocols(key_, subprotocol, extensions_, lines));
}

void http_session::refuse(unsigned status, const char* cause, std::string_view body, core::field_list headers) {
    metrics().handshakes.at({cause}) += 1;
    send_answer(status, body, headers);
}

void http_session::refuse_busy(const char* cause, std::string_view body) {
    core::log::limited(level::warn, "handshake", "upgrades are refused (503): a limit is reached", {{"limit", cause}});
    refuse(503, cause, body, come_back());
}

void http_session::refuse_plain(unsigned status, std::string_view body) {
    metrics().http_requests.at({std::to_string(status)}) += 1;
    send_answer(status, body, {});
}

void http_session::send_answer(unsigned status, std::string_view body, const core::field_list& headers) {
    std::string lines(proto::refusal_lines(status));
    std::string text(body);
    if (!text.empty() && text.back() != '\n' && headers.empty()) {
        text += '\n';
    }
    answer(http_answer(status, headers, lines, text, head_only_));
}

void http_session::become_websocket() {
    const ref keep(this);
    boost::system::error_code ignored;
    peer_.socket().cancel(ignored);  // what still waits here would keep this object alive
    stage_ = stage::over;
    disarm();
    const boost::intrusive_ptr<ws_session> session(
        new ws_session(shared_->sessions, std::move(peer_), std::move(conn_), !extensions_.empty(), std::move(slot_)));
    session->start(received_);
    if (shared_->stopped) {
        session->kill();
    }
}

}  // namespace wsidecar::net
