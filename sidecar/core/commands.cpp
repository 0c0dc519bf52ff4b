#include "sidecar/core/commands.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/http/cookie_jar.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::core {
namespace {

bool replays_cookie(const config::config& c) {
    return std::any_of(c.replay_headers.begin(), c.replay_headers.end(),
                       [](const std::string& name) { return name == "*" || name == "Cookie" || name == "cookie"; });
}

}  // namespace

commands::commands(context& x, core::deliveries& deliveries, core::history& history)
    : config_(x.config), metrics_(x.metrics), timers_(x.timers), hub_(x.hub), deliveries_(deliveries), history_(history) {
    reconfigured();
}

void commands::reconfigured() {
    replays_cookie_ = replays_cookie(config_);
}

void commands::take_cookies(connection& c, const field_list& headers) {
    proto::app_reply r = proto::parse_reply(headers, {});
    set_cookies(c, r);
}

void commands::set_cookies(connection& c, proto::app_reply& r) {
    if (!replays_cookie_ || r.set_cookies.empty()) {
        return;
    }
    std::string cookie = c.cookie.str();
    for (const auto& line : r.set_cookies) {
        if (!proto::apply_set_cookie(cookie, line, timers_.wall())) {
            r.problems.push_back({"bad_cookie", "a Set-Cookie is not valid and was ignored"});
        }
    }
    c.cookie = cookie;
}

bool commands::take(connection& c, proto::app_reply& r, bool open) {
    set_cookies(c, r);
    if (!r.history.empty()) {
        history_.wish_for(c, r);
    }
    const bool named = (r.user && *r.user != c.user) || !r.aliases.empty() || !r.join.empty() || !r.leave.empty();
    const bool state = r.state && !(c.state == *r.state);
    if (state) {
        c.state = *r.state;
    }
    if (!named) {
        if (state && open && c.at == connection::phase::open) {
            c.speaks->reenroll(c);
        }
        return false;
    }
    if (r.user && *r.user != c.user && !c.user.empty()) {
        deliveries_.remember_user(c);
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

void commands::note_problems(const connection& c, const proto::app_reply& r) {
    for (const auto& p : r.problems) {
        metrics_.bad_answers.at({"bad_answer", p.reason}) += 1;
        log::limited(log::level::warn, "events", "part of the app's answer is not valid and was ignored",
                     {{"reason", p.reason}, {"detail", p.detail}, {"connection", c.id}, {"path", c.path()}});
    }
    for (const auto& name : r.unknown) {
        metrics_.bad_answers.at({"bad_answer", "unknown_command"}) += 1;
        log::limited(log::level::warn, "events",
                     "a header of the app's answer is no command and has no effect: Ws-User, Ws-Alias, Ws-Join, Ws-Leave, "
                     "Ws-History, Ws-State, Ws-Messages, Ws-Close, Ws-Subprotocol and Ws-Destination are",
                     {{"header", name}, {"connection", c.id}, {"path", c.path()}});
    }
}

}  // namespace wsidecar::core
