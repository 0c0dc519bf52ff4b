#include "sidecar/core/gateway.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/cookie_jar.hpp"
#include "proto/path.hpp"
#include "proto/rfc3339.hpp"
#include "proto/traceparent.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {
namespace {

/// How long after it had it from a history a connection may still be given a push by the list.
constexpr std::chrono::milliseconds history_echo = std::chrono::minutes(1);

bool replays_cookie(const config::config& c) {
    return std::any_of(c.replay_headers.begin(), c.replay_headers.end(),
                       [](const std::string& name) { return name == "*" || name == "Cookie" || name == "cookie"; });
}

}  // namespace

gateway::gateway(const config::config& c, std::string instance, metrics& m, app_port& app, bus_port& bus, timer_port& timers,
                 find_route routes)
    : config_(c),
      instance_(std::move(instance)),
      metrics_(m),
      app_(app),
      bus_(bus),
      timers_(timers),
      route_for_(std::move(routes)),
      received_text_(m.received.at({"text"})),
      received_binary_(m.received.at({"binary"})),
      received_bytes_(m.received_bytes.value()),
      pushed_list_(m.pushes.at({"list"})),
      pushed_channel_(m.pushes.at({"channel"})),
      delivered_list_(m.delivered.at({"list"})),
      delivered_channel_(m.delivered.at({"channel"})),
      replays_cookie_(replays_cookie(c)),
      sent_(c.outbox.dedup_window),
      confirmed_(c.outbox.dedup_window),
      recalled_(history_echo),
      spans_(m) {
    spans_.configure(c.tracing);
}

gateway::~gateway() = default;

void gateway::reconfigured() {
    replays_cookie_ = replays_cookie(config_);
    explained_.clear();
    sent_.set_window(config_.outbox.dedup_window);
    confirmed_.set_window(config_.outbox.dedup_window);
    spans_.configure(config_.tracing);
}

proto::event_head gateway::event_head_of(const connection& c, proto::event_type type) const {
    proto::event_head head;
    head.type = type;
    head.connection_id = c.id;
    head.instance = instance_;
    head.subject = std::string(c.path());
    head.time = now_rfc3339();
    head.user = c.user;
    head.state = c.state.str();
    head.attempt = 1;
    head.variables = c.variables();
    if (type == proto::event_type::connect || type == proto::event_type::disconnect) {
        head.user_connections = c.user_connections;
    }
    if (type != proto::event_type::connect) {
        head.traceparent = proto::new_trace();
    }
    return head;
}

std::string gateway::event_target(const connection& c, const char* event) const {
    if (c.route->event_path.empty()) {
        return c.target.str();
    }
    std::string target = proto::expand_path(c.route->event_path, c.variables(), event);
    if (target.find('?') == std::string::npos) {
        target.append(c.target.view().substr(c.path().size()));
    }
    return target;
}

void gateway::take_cookies(connection& c, const field_list& headers) {
    proto::app_reply r = proto::parse_reply(headers, {});
    set_cookies(c, r);
}

void gateway::set_cookies(connection& c, proto::app_reply& r) {
    if (!replays_cookie_ || r.set_cookies.empty()) {
        return;
    }
    std::string cookie = c.cookie.str();
    for (const auto& line : r.set_cookies) {
        if (!proto::apply_set_cookie(cookie, line, timers_.wall())) {
            r.problems.push_back({"bad_cookie", "a Set-Cookie was not taken"});
        }
    }
    c.cookie = cookie;
}

bool gateway::take_commands(connection& c, proto::app_reply& r, bool open) {
    set_cookies(c, r);
    if (!r.history.empty()) {
        wish_for(c, r);
    }
    const bool named = (r.user && *r.user != c.user) || !r.aliases.empty() || !r.join.empty() || !r.leave.empty();
    const bool state = r.state && !(c.state == *r.state);
    if (state) {
        c.state = *r.state;
    }
    if (!named) {
        if (state && open && c.at == connection::phase::open) {
            reenroll(c);
        }
        return false;
    }
    if (r.user && *r.user != c.user && !c.user.empty()) {
        remember_user(c);
    }
    hub_.rename(c, [&](connection& x) {
        if (r.user) {
            x.user = *r.user;
        }
        const auto add = [](std::vector<std::string>& to, const std::vector<std::string>& names) {
            for (const auto& n : names) {
                if (std::find(to.begin(), to.end(), n) == to.end()) {
                    to.push_back(n);
                }
            }
        };
        for (const auto& g : r.leave) {
            std::erase(x.groups, g);
        }
        add(x.aliases, r.aliases);
        add(x.groups, r.join);
    });
    return true;
}

void gateway::note_problems(const connection& c, const proto::app_reply& r) {
    for (const auto& p : r.problems) {
        metrics_.bad_answers.at({"bad_answer", p.reason}) += 1;
        log::limited(log::level::warn, "events", "part of the app's answer was not taken",
                     {{"reason", p.reason}, {"detail", p.detail}, {"connection", c.id}, {"path", c.path()}});
    }
    for (const auto& name : r.unknown) {
        metrics_.bad_answers.at({"bad_answer", "unknown_command"}) += 1;
        log::limited(log::level::warn, "events",
                     "a header of the app's answer is no command and has no effect: Ws-User, Ws-Alias, Ws-Join, Ws-Leave, "
                     "Ws-History, Ws-State, Ws-Close, Ws-Subprotocol and Ws-Destination are",
                     {{"header", name}, {"connection", c.id}, {"path", c.path()}});
    }
}

registration gateway::registration_of(const connection& c) const {
    registration r{c.id,
                   c.user,
                   c.aliases,
                   c.groups,
                   {},
                   c.stomp != nullptr,
                   std::string(c.path()),
                   proto::packed_state(c.state),
                   proto::format_rfc3339(c.since),
                   c.route->called()};
    if (c.stomp) {
        r.names = subscription_names(c);
    }
    return r;
}

void gateway::reenroll(connection& c) {
    if (c.stomp) {
        stomp_register(c, false);
        return;
    }
    // What comes live for its new names goes behind what was kept for them.
    const connection_ptr keep(&c);
    c.mailbox_due = std::max(c.mailbox_due, 0);
    expect_mailbox(keep, 1);
    bus_.enroll(registration_of(c), [this, keep](const enroll_result& r) {
        expect_mailbox(keep, r.mailbox);
        mailbox_came(*keep);
    });
}

void gateway::close(connection& c, std::uint16_t code, std::string_view reason) {
    if (c.session == nullptr) {
        if (c.at != connection::phase::closed) {
            c.pending_close = std::make_unique<proto::close_order>(proto::close_order{code, std::string(reason)});
        }
        return;
    }
    if (c.close_code == 0) {
        c.close_code = code;
        c.close_reason = reason;
    }
    c.session->close(code, reason);
}

std::string gateway::now_rfc3339() const {
    return proto::format_rfc3339(timers_.wall());
}

}  // namespace wsidecar::core
