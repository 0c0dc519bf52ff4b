#include "sidecar/core/openings.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/cidr.hpp"
#include "proto/text/ids.hpp"
#include "proto/trace/traceparent.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/commands.hpp"
#include "sidecar/core/connect_advice.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/endings.hpp"
#include "sidecar/core/event_head.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/registrations.hpp"

namespace wsidecar::core {
namespace {

handshake_verdict refusal(unsigned status, handshake_result cause, std::string body, bool retry_after = false) {
    handshake_verdict v;
    v.status = status;
    v.cause = cause;
    v.body = std::move(body);
    v.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    if (retry_after) {
        // The delay is random, so that clients that were refused together do not come back together.
        v.headers.emplace_back("Retry-After", std::to_string(1 + proto::random_below(5)));
    }
    return v;
}

handshake_verdict too_often(handshake_result limit, const connection& c, std::string_view address) {
    log::limited(log::level::warn, "handshake", "upgrades are refused (429): too many in a short time",
                 {{"limit", word(limit)}, {"path", c.path()}, {"user", c.user}, {"address", address}});
    return refusal(429, limit, "too many connections in a short time\n", true);
}

/// Headers whose values most clients of a service share. All others are treated as one client's own.
bool is_common(std::string_view name) {
    static constexpr std::string_view names[] = {"User-Agent",       "Accept",           "Accept-Language",
                                                 "Accept-Charset",   "Origin",           "X-Forwarded-Proto",
                                                 "X-Forwarded-Host", "X-Forwarded-Port", "ws-transport"};
    return std::any_of(std::begin(names), std::end(names), [&](std::string_view n) { return proto::iequals(n, name); });
}

void keep_headers(connection& c, std::string_view lines) {
    std::string common;
    std::string own;
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n') + 1);
        (is_common(line.substr(0, line.find(':'))) ? common : own) += line;
        lines.remove_prefix(line.size());
    }
    c.common_headers = shared_text(common);
    c.own_headers = own;
}

}  // namespace

openings::openings(context& x, const neighbours& n)
    : context_(x),
      metrics_(x.metrics),
      app_(x.app),
      bus_(x.bus),
      timers_(x.timers),
      hub_(x.hub),
      departed_(x.departed),
      tracing_(x.tracing),
      commands_(n.commands),
      registrations_(n.registrations),
      history_(n.history),
      backlog_(n.backlog),
      deliveries_(n.deliveries),
      endings_(n.endings),
      dialects_(n.dialects) {}

/// Takes the names from the path and the token. Returns false if one of them is empty or too long.
bool openings::take_names(connection& c, const handshake& h) {
    if (!c.route->user.empty()) {
        c.user = proto::expand_template(c.route->user, h.variables);
    }
    for (const auto& group : c.route->groups) {
        c.groups.push_back(proto::expand_template(group, h.variables));
    }
    if (h.token) {
        // They are valid names. The connect event's answer may overrule them, like those of the path.
        c.user = h.token->user.empty() ? c.user : h.token->user;
        c.groups.insert(c.groups.end(), h.token->groups.begin(), h.token->groups.end());
        if (h.token->until) {
            c.login = std::make_unique<connection::lease>(connection::lease{*h.token->until, nullptr});
        }
    }
    return c.user.size() <= 256 &&
           std::none_of(c.groups.begin(), c.groups.end(), [](const auto& g) { return g.empty() || g.size() > 256; });
}

connection_ptr openings::open(handshake h, std::function<void(handshake_verdict)> done) {
    const auto p = std::make_shared<opening>();
    p->c = connection_ptr(new connection);
    connection& c = *p->c;
    c.id = proto::new_connection_id();
    c.route = h.route;
    c.target = h.target;
    c.keep_variables(h.variables);
    c.host = shared_text(h.host);
    keep_headers(c, h.replay_headers);
    c.cookie = h.cookie;
    c.since = timers_.wall();
    p->connect_headers = std::move(h.connect_headers);
    p->traceparent = std::move(h.traceparent);
    if (h.address_is_one_client) {
        const proto::ip_bytes group = proto::address_group(h.address);
        p->address.assign(group.begin(), group.end());
    }
    p->done = tracing_.on() ? tracing_.handshake(c, p->traceparent, h.trusted_trace, std::move(done)) : std::move(done);

    c.speaks = &dialects_.of(*c.route);
    if (!take_names(c, h)) {
        turn_away(p, refusal(400, handshake_result::bad_name, "a name taken from the path has 1 to 256 bytes\n"));
    } else if (const auto limit = over_rate(*p)) {
        turn_away(p, too_often(*limit, c, h.address));
    } else {
        c.speaks->open(p, h);
    }
    return p->c;
}

/// The limit on rates that this handshake exceeds; nullopt if none.
std::optional<handshake_result> openings::over_rate(const opening& o) {
    const std::uint32_t most = context_.config.handshakes_per_address;
    if (!o.address.empty() && !context_.address_rate.take(o.address, most, timers_.now())) {
        return handshake_result::handshakes_per_address;
    }
    return user_over_rate(*o.c) ? std::optional(handshake_result::handshakes_per_user) : std::nullopt;
}

/// Counts a handshake of the user. Call this once for each user that a handshake names.
bool openings::user_over_rate(const connection& c) {
    const bool over =
        !c.user.empty() && !c.relayed && !context_.user_rate.take(c.user, context_.config.handshakes_per_user, timers_.now());
    metrics_.limit_used.at({"handshakes.remembered"}) =
        static_cast<double>(context_.address_rate.names() + context_.user_rate.names());
    return over;
}

/// Refuses a connection that neither Redis nor the app knows.
void openings::turn_away(const std::shared_ptr<opening>& p, handshake_verdict v) {
    p->c->at = connection::phase::closed;
    const auto done = std::move(p->done);
    done(std::move(v));
}

void openings::begin(const std::shared_ptr<opening>& p) {
    connection& c = *p->c;
    if (!c.route->has_event("connect")) {
        admit(p);
    } else if (!c.user.empty()) {
        // The path names the user. It is registered first, so that the event can say how many connections the user has.
        bus_.enroll(registrations_.of(c), [this, p](enroll_result r) {
            if (r.outcome == enroll_outcome::refused) {
                refuse(p, refusal(503, handshake_result::connections_per_user, "too many connections of this user\n", true));
                return;
            }
            p->c->user_connections = r.user_connections;
            backlog_.expect_mailbox(p->c, r.mailbox);
            ask_app(p);
        });
    } else {
        bus_.announce(registrations_.of(c), [this, p] { ask_app(p); });
    }
}

/// The client has gone away in the meantime.
void openings::drop(const std::shared_ptr<opening>& p) {
    if (p->upgraded) {
        p->done({});
    } else {
        withdraw(*p->c);
    }
}

void openings::ask_app(std::shared_ptr<opening> p) {
    connection& c = *p->c;
    if (c.gone()) {
        drop(p);
        return;
    }
    p->asked = true;
    proto::event_head head = event_head_of(context_, c, proto::event_type::connect);
    head.sequence = 0;
    head.traceparent = proto::continue_trace(p->traceparent);
    app_request r;
    r.target = event_target(c, "connect");
    r.host = c.host.str();
    r.id = c.id + ":0";
    r.reserved = true;
    r.wanted = [conn = p->c] { return !conn->gone(); };
    const span_ptr span = tracing_.on() ? tracing_.event(c, p->traceparent, r, head) : nullptr;
    r.headers = proto::event_headers(head, p->connect_headers);
    const auto start = timers_.now();
    app_.send(std::move(r), [this, p, start, span](app_answer a) {
        metrics_.event_seconds.observe(std::chrono::duration<double>(timers_.now() - start).count());
        if (span) {
            tracing_.end_event(span, a.status, 1, nullptr);
        }
        on_connect_answer(p, std::move(a));
    });
}

void openings::on_connect_answer(std::shared_ptr<opening> p, app_answer a) {
    connection& c = *p->c;
    const auto count = [this](const char* result) { metrics_.events.at({"connect", result}) += 1; };
    switch (a.failure) {
        case app_failure::unsent:
            count("unsent");
            drop(p);
            return;
        case app_failure::unreached:
            count("unreached");
            refuse(p, refusal(503, handshake_result::app_unreached, "the application is not reachable\n", true));
            return;
        case app_failure::timeout:
        case app_failure::cut:
            count(a.failure == app_failure::timeout ? "timeout" : "cut");
            c.expect_disconnect();
            refuse(p, refusal(504, handshake_result::app_timeout, "the application did not answer\n", true));
            return;
        case app_failure::too_big:
            count("answer_too_big");
            c.expect_disconnect();
            refuse(p, refusal(502, handshake_result::answer_too_big, "the application's answer is larger than app.max_answer\n",
                              true));
            return;
        case app_failure::none: break;
    }
    switch (proto::classify(proto::event_type::connect, a.status)) {
        case proto::verdict::done: break;
        case proto::verdict::relay: {
            count("refused");
            explain(c, a);
            handshake_verdict v;
            v.status = a.status;
            v.cause = handshake_result::app_refused;
            v.headers = c.subscribes ? std::move(a.headers) : proto::relayed_headers(a.headers);
            v.body = std::move(a.body);
            refuse(p, std::move(v));
            return;
        }
        default:
            count("app_error");
            explain(c, a);
            refuse(p, refusal(502, handshake_result::app_error, "the application failed\n", true));
            return;
    }
    count("done");
    accepted(p, std::move(a));
}

void openings::accepted(const std::shared_ptr<opening>& p, app_answer a) {
    connection& c = *p->c;
    explain(c, a);
    c.expect_disconnect();
    proto::app_reply reply = proto::parse_reply(a.headers, std::move(a.body));
    const std::string known_user = c.user;
    commands_.take(c, reply, true);
    commands_.note_problems(c, reply);
    if (c.gone()) {
        drop(p);  // it was never registered, so nobody saw it in the presence
        return;
    }
    if (c.user != known_user && user_over_rate(c)) {
        refuse(p, too_often(handshake_result::handshakes_per_user, c, {}));
        return;
    }
    for (auto& line : reply.set_cookies) {
        p->verdict.headers.emplace_back("Set-Cookie", std::move(line));
    }
    p->verdict.subprotocol = std::move(reply.subprotocol);
    if (reply.message && c.subscribes) {
        metrics_.bad_answers.at({"bad_answer", "body"}) += 1;  // no subscription can be there yet
    } else if (reply.message) {
        auto& first = c.waiting().first;
        auto before = first.begin();
        for (auto& message : messages_of(reply)) {
            before = std::next(first.insert(before, {std::move(message), tag_answer, nullptr}));
        }
    }
    p->close = std::move(reply.close);
    admit(p);
}

/// Explains an answer in the log, once for each route and status: what is wrong for the first client is usually wrong for all.
void openings::explain(const connection& c, const app_answer& a) {
    constexpr std::size_t at_most = 1000;
    if (a.status / 100 == 2 && a.body.empty()) {
        return;
    }
    const std::string& path = c.route->event_path.empty() ? c.route->path : c.route->event_path;
    const std::string advice = connect_advice(path, a);
    if (advice.empty()) {
        return;
    }
    const bool first = explained_.size() < at_most && explained_.insert(path + ' ' + std::to_string(a.status)).second;
    log::write(first ? log::level::warn : log::level::debug, "events", advice,
               {{"status", a.status}, {"path", c.path()}, {"connection", c.id}});
}

void openings::admit(std::shared_ptr<opening> p) {
    connection& c = *p->c;
    history_.mark_before(p->c);
    bus_.enroll(registrations_.of(c), [this, p](enroll_result r) {
        connection& conn = *p->c;
        if (r.outcome == enroll_outcome::refused) {
            refuse(p, refusal(503, handshake_result::connections_per_user, "too many connections of this user\n", true));
            return;
        }
        if (conn.gone()) {
            drop(p);
            return;
        }
        if (r.user_connections) {
            conn.user_connections = r.user_connections;
        }
        conn.at = connection::phase::open;
        backlog_.expect_mailbox(p->c, r.mailbox);
        history_.recall(p->c, p->address);
        if (p->close) {
            // Otherwise a close that a push has ordered meanwhile stays.
            conn.pending_close = std::make_unique<proto::close_order>(std::move(*p->close));
        }
        p->verdict.accepted = true;
        p->verdict.conn = p->c;
        const auto done = std::move(p->done);
        done(std::move(p->verdict));
    });
}

void openings::refuse(std::shared_ptr<opening> p, handshake_verdict v) {
    const bool told = p->c->at == connection::phase::abandoned;
    if (!p->upgraded) {
        withdraw(*p->c);
    }
    if (!told) {
        const auto done = std::move(p->done);
        done(std::move(v));
    }
}

void openings::withdraw(connection& c) {
    departed_.add(c, timers_.now());
    hub_.leave(c);
    deliveries_.drop_unconfirmed(c);
    c.at = connection::phase::closed;
    c.never_established = true;
    c.close_code = 1006;
    endings_.end(connection_ptr(&c), registration::of_id(c.id));
}

/// A token expires by the wall clock, which may be changed, so it is checked every minute.
void openings::watch_login(connection& c) {
    using namespace std::chrono;
    constexpr milliseconds look_again = minutes(1);
    const auto left = ceil<milliseconds>(c.login->until - timers_.wall());
    if (left.count() > 0) {
        c.login->timer = timers_.after(std::min(left, look_again), [this, it = &c] { watch_login(*it); });
    } else if (c.session != nullptr) {
        c.speaks->token_expired(c);
    }
}

void openings::chose_subprotocol(connection& c, std::string_view name) {
    // It goes to the lines that connections share, because most clients of a route use the same subprotocol.
    const std::string line = "ws-subprotocol: " + std::string(name) + "\r\n";
    c.common_headers = shared_text(c.common_headers.str() + line);
    c.speaks->add_header(c, line);
}

void openings::one_closed() {
    metrics_.connections.value() = static_cast<double>(--open_);
}

void openings::established(connection& c, session_port& s) {
    c.session = &s;
    if (!c.relayed) {
        metrics_.connections.value() = static_cast<double>(++open_);
    }
    if (c.login) {
        watch_login(c);
    }
    c.speaks->established(c);
}

}  // namespace wsidecar::core
