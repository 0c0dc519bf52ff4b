#include "sidecar/core/departed.hpp"

#include <algorithm>

#include "proto/target.hpp"
#include "sidecar/core/addressing.hpp"
#include "sidecar/core/dialect.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

/// After this time, pushes that were routed before the registry removed a connection have been read.
constexpr auto remembered = 10s;

}  // namespace

void departed::add(const connection& c, timer_port::clock::time_point now) {
    forget(now);
    if (c.relayed || (c.user.empty() && c.aliases.empty())) {
        return;  // without a name nobody can be recognized
    }
    one o{c.user, c.aliases, c.groups, {}, c.route->called(), c.subscribes, {}};
    if (c.subscribes) {
        for (auto& s : c.speaks->subscriptions(c)) {
            if (s.of_broker) {
                o.subscriptions.emplace_back(std::move(s.key), std::move(s.pattern));
            }
        }
        if (o.subscriptions.empty()) {
            return;
        }
    }
    if (all_.emplace(c.id, std::move(o)).second) {
        by_age_.emplace_back(now, c.id);
        ++unanswered_;
    }
}

const place* departed::one::in(unsigned shard) const {
    const auto it = std::find_if(places.begin(), places.end(), [&](const auto& p) { return p.first == shard; });
    return it == places.end() ? nullptr : &it->second;
}

void departed::retired(const std::string& connection, place at, unsigned shard) {
    const auto it = all_.find(connection);
    if (it == all_.end() || it->second.in(shard) != nullptr) {
        return;
    }
    several_ = several_ || shard > 0;
    last_ = std::max(last_, at);
    unanswered_ -= it->second.places.empty() ? 1U : 0U;
    it->second.places.emplace_back(shard, at);
}

void departed::forget(timer_port::clock::time_point now) {
    while (!by_age_.empty() && now - by_age_.front().first > remembered) {
        if (const auto it = all_.find(by_age_.front().second); it != all_.end()) {
            unanswered_ -= it->second.places.empty() ? 1U : 0U;
            all_.erase(it);
        }
        by_age_.pop_front();
    }
}

void departed::name_missed(const proto::addresses& to, const proto::addresses& except, where at,
                           timer_port::clock::time_point now, std::vector<std::string>& names) {
    several_ = several_ || at.shard > 0;
    if (all_.empty() || (!several_ && unanswered_ == 0 && at.at > last_)) {
        return;
    }
    forget(now);
    for (const auto& [id, c] : all_) {
        if (const auto* out_at = c.in(at.shard); out_at != nullptr && at.at > *out_at) {
            continue;
        }
        auto name = missed(c, to);
        if (!name.empty() && !is_excepted(c, id, except) && !contains(names, name)) {
            names.push_back(std::move(name));
        }
    }
}

/// The name under which the push is routed to this connection's owner again; empty if the push was not for it.
std::string departed::missed(const one& c, const proto::addresses& to) {
    if (!to.routes.empty() && !contains(to.routes, c.route)) {
        return {};
    }
    if (c.subscribes) {
        if (!to.of_broker()) {
            return {};
        }
        for (const auto& [key, pattern] : c.subscriptions) {
            const bool takes =
                std::any_of(to.destinations.begin(), to.destinations.end(), [&, &k = key, &p = pattern](const auto& d) {
                    return p ? !is_session_destination(d) && p->match(proto::stomp::split_path(d)) : d == k;
                });
            if (takes) {
                const bool known = !c.user.empty();
                return proto::target_subscription(known ? proto::target_kind::user : proto::target_kind::alias,
                                                  known ? c.user : c.aliases.front(), key);
            }
        }
        return {};
    }
    if (!to.destinations.empty() || (!to.all && (to.members_only || !has_one_of(c.groups, to.groups)))) {
        return {};
    }
    return !c.user.empty() ? proto::target(proto::target_kind::user, c.user)
                           : proto::target(proto::target_kind::members, proto::joined_aliases(c.aliases));
}

bool departed::is_excepted(const one& c, const std::string& id, const proto::addresses& except) {
    if (!except.routes.empty() && !contains(except.routes, c.route)) {
        return false;
    }
    return except.all || (!c.user.empty() && contains(except.users, c.user)) || contains(except.connections, id) ||
           has_one_of(c.aliases, except.aliases) || has_one_of(c.groups, except.groups);
}

}  // namespace wsidecar::core
