// The part of http_session that decides about a request. It checks the form of the head, then the path, then what the request asks for.

#include <algorithm>

#include "proto/http/event_stream.hpp"
#include "proto/http/handshake.hpp"
#include "proto/http/path.hpp"
#include "proto/stomp/stomp_version.hpp"
#include "proto/ws/deflate.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/http_answer.hpp"
#include "sidecar/net/http_session.hpp"
#include "sidecar/net/sockjs_exchange.hpp"
#include "sidecar/net/sse_session.hpp"
#include "sidecar/net/token_check.hpp"
#include "sidecar/net/ws_session.hpp"

namespace wsidecar::net {
namespace {

/// Whether the path stands below a SockJS route, whose clients expect 404 for what is not there. A few segments are enough: the paths
/// of SockJS have three.
bool is_below_sockjs(const core::find_route& routes, std::string_view path) {
    constexpr int most_segments = 8;
    for (int i = 0; i < most_segments; ++i) {
        const auto end = path.rfind('/');
        if (end == std::string_view::npos || end == 0) {
            return false;
        }
        path = path.substr(0, end);
        if (routes(path).place == proto::sockjs::place::greeting) {
            return true;
        }
    }
    return false;
}

}  // namespace

void http_session::look_at_head() {
    const proto::head_scan scan = proto::scan_head(received_, shared_->policy->head_limits());
    switch (scan.what) {
        case proto::head_scan::state::incomplete: wait_readable(); return;
        case proto::head_scan::state::problem:
            refuse({scan.status, core::handshake_result_of(scan.why.reason), scan.why.detail, {}});
            return;
        case proto::head_scan::state::complete: break;
    }
    disarm();
    head_size_ = scan.size;
    head_only_ = scan.head.method == "HEAD";
    decide(scan.head);
}

void http_session::decide(const proto::request_head& head) {
    const auto path = proto::check_path(head.target);
    if (!path) {
        refuse({400, core::handshake_result_of(path.error().reason), path.error().detail, {}});
    } else if (proto::classify(head) == proto::request_kind::plain) {
        plain_request(head, *path);
    } else {
        upgrade_request(head, *path);
    }
}

void http_session::plain_request(const proto::request_head& head, const proto::request_path& path) {
    if (const auto sound = proto::check_request(head); !sound) {
        refuse_plain(sound.error().status, sound.error().why.detail);
    } else if (auto match = shared_->routes(path.path); match.place != proto::sockjs::place::none) {
        sockjs_request(std::move(match));
    } else if (wants_event_stream(head, match.route)) {
        event_stream_request(head, path, std::move(match));
    } else if (!shared_->pass.request && match.route == nullptr && is_below_sockjs(shared_->routes, path.path)) {
        refuse_plain(404, "SockJS has nothing at this path");
    } else if (!shared_->pass.request) {
        refuse_plain(426, "this address takes WebSocket connections only (`http: pass` passes other requests on)");
    } else if (shared_->short_of_memory || !shared_->pass.room()) {
        const char* const cause = shared_->short_of_memory ? "memory" : "too_many_passed";
        metrics().hit(cause);
        metrics().http_requests.at({"503"}) += 1;
        send_answer(503, "too many requests at once", come_back());
    } else {
        const bool read_only = shared_->is_for_reading_only(path.path);
        stage_ = stage::over;
        shared_->pass.request(hand_over(), read_only,
                              [shared = shared_, address = address_](transport peer, std::string received) {
                                  next_request(shared, std::move(peer), address, std::move(received));
                              });
    }
}

handover http_session::hand_over() {
    leave_pending();
    return {std::move(peer_), std::move(received_), head_size_, address_};
}

void http_session::sockjs_request(core::gateway::route_match match) {
    stage_ = stage::over;
    sockjs_exchange::start(shared_, hand_over(), std::move(match),
                           [shared = shared_, address = address_](transport peer, std::string received, bool keep) {
                               keep ? next_request(shared, std::move(peer), address, std::move(received))
                                    : let_go(shared, std::move(peer), address);
                           });
}

void http_session::upgrade_request(const proto::request_head& head, const proto::request_path& path) {
    const auto upgrade = proto::check_upgrade(head);
    if (!upgrade) {
        refuse({upgrade.error().status, core::handshake_result_of(upgrade.error().why.reason), upgrade.error().why.detail, {}});
        return;
    }
    auto match = shared_->routes(path.path);
    using proto::sockjs::place;
    const bool websocket = match.place == place::none || match.place == place::greeting ||
                           match.place == place::raw_websocket || match.place == place::websocket;
    if ((match.route == nullptr && !shared_->pass.tunnel) || !websocket) {
        core::log::limited(core::log::level::info, "http", "no entry of routes matches the path of an upgrade: answered 404",
                           {{"path", path.path.substr(0, 200)}});
        refuse({404, core::handshake_result::no_route, "no route matches this path", {}});
        return;
    }
    const arrival a{head, head_size_, address_, peer_.secure(), peer_.client_subject()};
    const std::chrono::milliseconds waited(shared_->sessions.clock.milliseconds() - began_);
    auto away = match.route == nullptr ? std::nullopt : too_much(a, *match.route, waited);
    if (!away) {
        away = foreign(*shared_, a, match.route);
    }
    if (away) {
        refuse(std::move(*away));
    } else if (shared_->draining || shared_->stopped) {
        refuse({503, core::handshake_result::draining, "this instance is going away", come_back()});
    } else if (match.route == nullptr) {
        tunnel(a);
    } else {
        ask_gateway(a, *upgrade, path, std::move(match));
    }
}

void http_session::tunnel(const arrival& a) {
    std::shared_ptr<void> place;
    if (auto away = admit_tunnel(shared_, a, place)) {
        refuse(std::move(*away));
        return;
    }
    stage_ = stage::over;
    handover h = hand_over();
    h.place = std::move(place);
    shared_->pass.tunnel(std::move(h));
}

void http_session::ask_gateway(const arrival& a, const proto::upgrade_request& upgrade, const proto::request_path& path,
                               core::gateway::route_match match) {
    sockjs_ = match.place == proto::sockjs::place::websocket;
    core::handshake h;
    const opened_path opened(a.head.target, path, match);
    if (auto away = admit(*shared_, a, opened, std::move(match), h, slot_)) {
        refuse(std::move(*away));
        return;
    }
    key_ = std::string(upgrade.key);
    offered_.assign(upgrade.subprotocols.begin(), upgrade.subprotocols.end());
    if (h.route->deflate) {
        deflate_ = proto::negotiate_deflate(upgrade.extensions).value_or(proto::deflate_terms());
    }
    await_gateway(std::move(h));
}

void http_session::await_gateway(core::handshake h) {
    session_shared& sessions = shared_->sessions;
    received_.erase(0, head_size_);  // the head's views end here; what is left came behind it
    stage_ = stage::waiting;
    leave_pending();
    ++shared_->opening;
    // An app that accepts no connections for a long time must not hold clients forever. The gateway's own answer comes sooner.
    sessions.clock.arm(*this, 3 * sessions.config->app.timeout + std::chrono::seconds(2));
    auto conn =
        sessions.gateway.open(std::move(h), [self = ref(this)](core::handshake_verdict v) { self->on_verdict(std::move(v)); });
    if (stage_ == stage::waiting) {
        conn_ = std::move(conn);
        wait_readable();  // to notice its going away
    }
}

void http_session::on_verdict(core::handshake_verdict v) {
    if (stage_ != stage::waiting) {
        return;
    }
    --shared_->opening;
    if (!v.accepted) {
        slot_.reset();
        conn_.reset();
        refuse({v.status, v.cause, v.body, std::move(v.headers)});
        return;
    }
    metrics().handshakes[core::handshake_result::accepted] += 1;
    conn_ = std::move(v.conn);
    if (stream_.wanted) {
        upgraded_ = true;
        answer(event_stream_head(stream_, v.headers));
        return;
    }
    std::string_view subprotocol = v.subprotocol;
    if (conn_->subscribes) {
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
    if (subprotocol.empty() && conn_->route->jwt.on()) {
        subprotocol = token_check::answer_to(offered_);
    }
    if (!subprotocol.empty()) {
        shared_->sessions.gateway.chose_subprotocol(*conn_, subprotocol);
    }
    std::string lines;
    for (const auto& [name, value] : v.headers) {
        lines += header_line(name, value);
    }
    upgraded_ = true;
    answer(proto::switching_protocols(key_, subprotocol, deflate_.answer, lines));
}

void http_session::refuse(turned_away away) {
    metrics().handshakes[away.cause] += 1;
    metrics().hit(core::word(away.cause));
    send_answer(away.status, away.body, away.headers);
}

void http_session::refuse_plain(unsigned status, std::string_view body) {
    metrics().http_requests.at({core::status_label(status)}) += 1;
    send_answer(status, body, {});
}

void http_session::send_answer(unsigned status, std::string_view body, const core::field_list& headers) {
    std::string lines = std::string(proto::refusal_lines(status)) + stream_.cors;
    std::string text(body);
    if (!text.empty() && text.back() != '\n' && headers.empty()) {
        text += '\n';
    }
    answer(http_answer(status, headers, lines, text, head_only_));
}

void http_session::event_stream_request(const proto::request_head& head, const proto::request_path& path,
                                        core::gateway::route_match match) {
    const arrival a{head, head_size_, address_, peer_.secure(), peer_.client_subject()};
    if (head.method == "OPTIONS") {
        answer_preflight(a, match.route);
        return;
    }
    stream_.wanted = true;
    stream_.chunked = head.version != 10;
    stream_.cors = cors_lines(*shared_, a, match.route);
    const bool has_body = head.find("Transfer-Encoding").has_value() || head.find("Content-Length").value_or("0") != "0";
    if (has_body) {
        refuse({400, core::handshake_result::body, "a request for an event stream has no body", {}});
        return;
    }
    const std::chrono::milliseconds waited(shared_->sessions.clock.milliseconds() - began_);
    auto away = too_much(a, *match.route, waited);
    if (!away) {
        away = foreign(*shared_, a, match.route);
    }
    if (!away && (shared_->draining || shared_->stopped)) {
        away = turned_away{503, core::handshake_result::draining, "this instance is going away", come_back()};
    }
    core::handshake h;
    if (!away && head.method == "HEAD") {
        metrics().http_requests.at({"200"}) += 1;
        answer(event_stream_head(stream_, {}));
        return;
    }
    if (!away) {
        const opened_path opened(head.target, path, match);
        away = admit(*shared_, a, opened, std::move(match), h, slot_);
    }
    if (away) {
        refuse(std::move(*away));
        return;
    }
    h.event_stream = true;
    if (const auto last = proto::event_stream::last_id(head.find("Last-Event-ID").value_or(""), path.query); !last.empty()) {
        h.last_event_id = std::string(last);
        stream_.resumed = core::read_position(last, shared_->sessions.config->shards > 1).value_or(core::position());
    }
    await_gateway(std::move(h));
}

void http_session::answer_preflight(const arrival& a, const config::route* route) {
    constexpr long day = 86'400;
    const auto p = preflight(*shared_, a, route, "GET", day);
    metrics().http_requests.at({p.allowed ? "204" : "403"}) += 1;
    if (p.allowed) {
        answer(http_answer(204, {}, p.lines, {}));
    } else {
        send_answer(403, "this Origin is not allowed here: see the setting `origins`", {});
    }
}

void http_session::become_session() {
    const ref keep(this);
    boost::system::error_code ignored;
    peer_.socket().cancel(ignored);  // what still waits here would keep this object alive
    stage_ = stage::over;
    leave_pending();
    disarm();
    if (stream_.wanted) {
        const auto f = stream_.chunked ? sse_session::framing::chunked : sse_session::framing::until_close;
        const boost::intrusive_ptr<sse_session> session(
            new sse_session(shared_->sessions, std::move(peer_), std::move(conn_), f, std::move(slot_)));
        session->start(stream_.resumed);
        if (shared_->stopped) {
            session->kill();
        }
        return;
    }
    const boost::intrusive_ptr<ws_session> session(
        new ws_session(shared_->sessions, std::move(peer_), std::move(conn_), deflate_, std::move(slot_),
                       sockjs_ ? ws_session::framing::sockjs : ws_session::framing::none));
    session->start(received_);
    if (shared_->stopped) {
        session->kill();
    }
}

}  // namespace wsidecar::net
