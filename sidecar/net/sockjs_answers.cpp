// The part of sockjs_exchange that decides about a request, compatible with Spring's AbstractSockJsService and its transport handlers.

#include <algorithm>
#include <ctime>

#include "proto/sockjs/sockjs.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/sha1.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/http_answer.hpp"
#include "sidecar/net/sockjs_exchange.hpp"
#include "sidecar/net/sockjs_session.hpp"

namespace wsidecar::net {
namespace sockjs = proto::sockjs;
using core::log::level;
using sockjs::place;

namespace {

constexpr std::string_view plain_text = "Content-Type: text/plain;charset=UTF-8\r\n";
constexpr std::time_t year = 31'536'000;

/// A year: nothing in it changes without another path.
std::string cache_for_long(std::chrono::system_clock::time_point now) {
    const std::time_t until = std::chrono::system_clock::to_time_t(now) + year;
    std::tm parts{};
    gmtime_r(&until, &parts);
    char date[64] = "";
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return "Cache-Control: public, max-age=" + std::to_string(year) + "\r\nExpires: " + date + "\r\n";
}

struct page_answer {
    unsigned status = 0;
    std::string lines;
    std::string body;
};

/// The page of the iframe transports. `known` is the ETag of the client's cached page.
page_answer iframe_answer(const config::route& route, std::optional<std::string_view> known,
                          std::chrono::system_clock::time_point now) {
    const bool same = route.origins == std::vector<std::string>{"same"};
    if (!same && route.origins != std::vector<std::string>{"*"}) {
        // Inside it a page of any origin would have this host's: as in Spring, there is none where origins are listed.
        return {404, {}, "no iframe transports where `origins` is a list"};
    }
    std::string page = sockjs::iframe_page(route.sockjs_library, route.library_integrity());
    const std::string tag = '"' + proto::sha1_hex(page) + '"';
    std::string lines = cache_for_long(now) + "ETag: " + tag + "\r\n";
    if (same) {
        lines += "X-Frame-Options: SAMEORIGIN\r\n";
    }
    if (known == tag) {
        return {304, std::move(lines), {}};
    }
    return {200, lines + "Content-Type: text/html;charset=UTF-8\r\n", std::move(page)};
}

}  // namespace

void sockjs_exchange::decide() {
    const bool get = head_.method == "GET" || head_.method == "HEAD";
    const bool options = head_.method == "OPTIONS";
    switch (match_.place) {
        case place::greeting: get ? answer(200, plain_text, "Welcome to SockJS!\n") : method_not_allowed("GET"); return;
        case place::info:
            if (options) {
                preflight("OPTIONS, GET");
            } else if (get) {
                const auto entropy = static_cast<std::uint32_t>(proto::random_bits());
                answer(
                    200,
                    "Content-Type: application/json;charset=UTF-8\r\n" + cors_lines() + std::string(sockjs_response::no_store),
                    sockjs::info(entropy));
            } else {
                method_not_allowed("OPTIONS, GET");
            }
            return;
        case place::iframe:
            if (!get) {
                method_not_allowed("GET");
            } else if (const auto page =
                           iframe_answer(*match_.route, head_.find("If-None-Match"), shared_->sessions.clock.wall());
                       page.status == 404) {
                answer_text(404, page.body);
            } else {
                answer(page.status, page.lines, page.body);
            }
            return;
        case place::raw_websocket:
        case place::websocket:
            get ? answer_text(400, "Can \"Upgrade\" only to \"WebSocket\".") : method_not_allowed("GET");
            return;
        case place::xhr:
        case place::xhr_streaming:
        case place::xhr_send:
        case place::eventsource: break;
        case place::none:
        case place::unsupported:
            answer_text(404, "SockJS's transports here are websocket, xhr_streaming, eventsource and xhr");
            return;
    }
    const bool events = match_.place == place::eventsource;
    if (options) {
        preflight(events ? "OPTIONS, GET" : "OPTIONS, POST");
    } else if (head_.method != (events ? "GET" : "POST")) {
        method_not_allowed(events ? "OPTIONS, GET" : "OPTIONS, POST");
    } else if (const auto away =
                   foreign(*shared_, as_arrival(), match_.route, shared_->sockjs.has_credentials(session_key()))) {
        shared_->sessions.metrics.handshakes[away->cause] += 1;
        answer_text(away->status, away->body);
    } else {
        for_session();
    }
}

void sockjs_exchange::answer_text(unsigned status, std::string_view body) {
    answer(status, std::string(plain_text) + cors_lines() + std::string(sockjs_response::no_store), std::string(body) + '\n');
}

void sockjs_exchange::method_not_allowed(std::string_view allowed) {
    answer(405, "Allow: " + std::string(allowed) + "\r\n", {});
}

std::string sockjs_exchange::cors_lines() const {
    return net::cors_lines(*shared_, as_arrival(), match_.route);
}

void sockjs_exchange::preflight(std::string_view methods) {
    const auto p = net::preflight(*shared_, as_arrival(), match_.route, methods, year);
    if (p.allowed) {
        answer(204, cache_for_long(shared_->sessions.clock.wall()) + p.lines, {});
    } else {
        answer_text(403, "this Origin is not allowed here: see the setting `origins`");
    }
}

// ------------------------------------------------------------------------------------------------- sessions

std::string sockjs_exchange::session_key() const {
    return opened_path(path_.path, path_, match_).path + '\n' + match_.session;
}

session_owner::proof sockjs_exchange::who() const {
    return {client_address_, cookie_, head_.find("Authorization").value_or("")};
}

void sockjs_exchange::greet(core::field_list headers, const session_owner& owner) {
    headers_ = std::move(headers);
    const auto& trusted = shared_->policy->trusted();
    const bool secure = peer_.secure() || (trusted.contains(address_) && head_.find("X-Forwarded-Proto") == "https");
    const bool cross_site = head_.find("Sec-Fetch-Site") == "cross-site";
    const bool given =
        std::any_of(headers_.begin(), headers_.end(), [](const auto& h) { return proto::iequals(h.first, "Set-Cookie"); });
    if (given && !owner.has_credentials()) {
        return;  // by the app's own it will be known
    }
    headers_.emplace_back("Set-Cookie", owner.set_cookie(path_.path.substr(0, path_.path.rfind('/')), secure, cross_site));
}

/// Only a client with a session may send a large body.
std::uint64_t sockjs_exchange::body_limit() {
    bool another = false;
    if (match_.place == place::xhr_send && head_.method == "POST") {
        if (const auto session = shared_->sockjs.find(session_key(), who(), another);
            session && (place_ = session->take_place())) {
            return sockjs::encoded_limit(match_.route->limits.message);
        }
    }
    return 4096;
}

void sockjs_exchange::too_long() {
    bool another = false;
    if (match_.place == place::xhr_send && !shared_->sockjs.find(session_key(), who(), another)) {
        unknown_session();
    } else if (match_.place == place::xhr_send && !place_) {
        too_fast();
    } else {
        answer_text(413, "the body is larger than this route's limits.message allows");
    }
}

/// Answers 503 to a client that sends more messages without waiting for the answers to the previous ones.
void sockjs_exchange::too_fast() {
    headers_ = come_back();
    answer_text(503, "the messages sent before are still on their way");
}

void sockjs_exchange::for_session() {
    bool another = false;
    const auto session = shared_->sockjs.find(session_key(), who(), another);
    if (match_.place == place::xhr_send) {
        session && session->established() ? take_messages(session) : unknown_session();
    } else if (another) {
        unknown_session();
    } else if (session) {
        session_ = session;
        stage_ = stage::waiting;
        leave_pending();
        wait_readable();
        session->attach(ref(this));
    } else {
        open_session();
    }
}

void sockjs_exchange::unknown_session() {
    core::log::limited(
        level::warn, "sockjs",
        "a request for a SockJS session that is not here (404): it has ended, or the proxy in front sends its requests "
        "to different pods; xhr, xhr_streaming and eventsource need affinity",
        {{"path", path_.path}});
    answer_text(
        404,
        "no such SockJS session here: it has ended, or it is on another pod (transports other than websocket need a proxy "
        "with affinity in front)");
}

void sockjs_exchange::take_messages(const boost::intrusive_ptr<sockjs_session>& session) {
    if (session->busy()) {
        too_fast();
        return;
    }
    if (body_.empty()) {
        answer_text(500, "Payload expected.");
        return;
    }
    const auto messages = sockjs::decode(body_);
    body_.clear();
    if (!messages) {
        answer_text(500, "Broken JSON encoding.");
        return;
    }
    session_ = session;
    stage_ = stage::waiting;
    leave_pending();
    wait_readable();
    session->messages(*messages, ref(this));
}

void sockjs_exchange::acknowledge() {
    answer(204, std::string(plain_text) + cors_lines() + std::string(sockjs_response::no_store), {});
}

void sockjs_exchange::open_session() {
    const std::string key = session_key();
    const arrival a = as_arrival();
    core::handshake h;
    address_count::slot slot;
    auto away = too_much(a, *match_.route, std::chrono::milliseconds(0));
    if (!away && (shared_->draining || shared_->stopped)) {
        away = turned_away{503, core::handshake_result::draining, "this instance is going away", come_back()};
    }
    if (!away) {
        const std::string_view target = sockjs::without_cache_buster(head_.target);
        away = admit(*shared_, a, opened_path(target, path_, match_), match_, h, slot);
    }
    if (away) {
        shared_->sessions.metrics.handshakes[away->cause] += 1;
        shared_->sessions.metrics.hit(core::word(away->cause));
        refuse(away->status, away->body, away->headers);
        return;
    }
    const boost::intrusive_ptr<sockjs_session> session(new sockjs_session(shared_, key, session_owner(who()), std::move(slot)));
    shared_->sockjs.add(key, session);
    session_ = session;
    stage_ = stage::waiting;
    leave_pending();
    wait_readable();
    session->begin(std::move(h), ref(this));
}

void sockjs_exchange::refuse(unsigned status, std::string_view body, const core::field_list& headers) {
    headers_ = headers;
    answer(status, cors_lines() + std::string(sockjs_response::no_store), body);
}

}  // namespace wsidecar::net
