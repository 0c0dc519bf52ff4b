#include "sidecar/core/deliveries.hpp"

#include <algorithm>
#include <utility>

#include "proto/target.hpp"
#include "sidecar/core/addressing.hpp"
#include "sidecar/core/dialect.hpp"

namespace wsidecar::core {
namespace {

/// How much capacity for unconfirmed pushes a connection keeps while it has none.
constexpr std::size_t worth_keeping = 8;

/// The id without the bits that say how the push is confirmed. These numbers only grow.
delivery_id number_of(delivery_id id) {
    return id & ~(confirm_by_pong | of_channel);
}

}  // namespace

deliveries::deliveries(context& x)
    : metrics_(x.metrics),
      bus_(x.bus),
      timers_(x.timers),
      recent_(x.recent),
      tracing_(x.tracing),
      confirmed_(x.confirmed),
      delivered_list_(x.metrics.delivered.at({"list"})),
      delivered_channel_(x.metrics.delivered.at({"channel"})) {}

void deliveries::confirmed(connection& c, std::uint64_t tag) {
    auto& waiting = c.unconfirmed;
    // A push that is confirmed in the other way (pong, or written) waits for that.
    const auto other = [tag](delivery_id id) { return ((id ^ tag) & confirm_by_pong) != 0; };
    // The push with this tag may have been dropped meanwhile: what was sent before it has arrived all the same.
    auto last = std::find(waiting.begin(), waiting.end(), tag);
    for (auto id = waiting.begin(); last == waiting.end() && id != waiting.end(); ++id) {
        const bool behind = id + 1 == waiting.end() || ((id[1] ^ tag) & of_channel) != 0 || id[1] > tag;
        last = behind && ((*id ^ tag) & of_channel) == 0 && *id < tag ? id : last;
    }
    if (last == waiting.end()) {
        return;
    }
    const auto now = timers_.now();
    for (auto id = waiting.begin(); id <= last; ++id) {
        if (other(*id)) {
            continue;
        }
        if (const auto it = all_.find(*id); it != all_.end()) {
            note_delivered(it->second, c);
            ((*id & of_channel) != 0 ? delivered_channel_ : delivered_list_) += 1;
            metrics_.push_seconds.observe(std::chrono::duration<double>(now - it->second.since).count());
            if (const auto& user = user_at(c, *id); !user.empty()) {
                (void)confirmed_.first(user, it->second.hash, now);
            }
        }
        if (!sharing_.empty()) {
            pass_on(c, *id, end_of_copy::delivered);
        }
        settle(*id);
    }
    waiting.erase(std::remove_if(waiting.begin(), last + 1, [&](delivery_id id) { return !other(id); }), last + 1);
    if (waiting.empty() && waiting.capacity() > worth_keeping) {
        waiting.shrink_to_fit();
    }
}

void deliveries::confirmed_alone(connection& c, delivery_id id) {
    if (const auto it = all_.find(id); it != all_.end()) {
        const auto now = timers_.now();
        note_delivered(it->second, c);
        delivered_list_ += 1;
        metrics_.push_seconds.observe(std::chrono::duration<double>(now - it->second.since).count());
        if (!c.user.empty()) {
            (void)confirmed_.first(c.user, it->second.hash, now);
        }
    }
    settle(id);
}

void deliveries::not_sent(connection& c, std::uint64_t tag, undelivered_reason reason) {
    metrics_.undelivered[reason] += 1;
    metrics_.hit(word(reason));
    if (tag < first_delivery_id || std::erase(c.unconfirmed, tag) == 0) {
        return;
    }
    if (const auto it = all_.find(tag); it != all_.end()) {
        note_dropped(it->second, c, reason);
    }
    if (!sharing_.empty()) {
        pass_on(c, tag, end_of_copy::dropped, reason);
    }
    settle(tag);
}

void deliveries::note_delivered(delivery& d, const connection& c) {
    if (d.outcome.reached == 0) {
        if (d.receipt) {
            d.outcome.connection = c.id;
        }
        if (auto* noted = recent_.pushes.at(d.noted)) {
            noted->connection = c.id;
        }
    }
    ++d.outcome.reached;
    if (d.each) {
        d.outcome.each.push_back({c.id, c.user, delivery_end::delivered, std::nullopt});
    }
}

void deliveries::note_dropped(delivery& d, const connection& c, undelivered_reason reason) {
    ++d.outcome.dropped;
    d.outcome.why_dropped = reason;
    if (d.each) {
        d.outcome.each.push_back({c.id, c.user, delivery_end::dropped, reason});
    }
}

void deliveries::lose(delivery_id id, delivery& d, std::string name) {
    auto& lost = d.outcome.lost;
    if (contains(lost, name)) {
        return;
    }
    if (d.to != nullptr) {
        bus_.lost(id, name);
    }
    lost.push_back(std::move(name));
}

void deliveries::settle(delivery_id id) {
    const auto it = all_.find(id);
    if (it != all_.end() && --it->second.outstanding == 0) {
        note_settled(it->second);
        delivery_outcome outcome = std::move(it->second.outcome);
        if (it->second.span) {
            const bool had = outcome.reached + outcome.duplicates > 0;
            tracing_.end_push(std::move(it->second.span), outcome.reached,
                              had               ? nullptr
                              : outcome.expired ? "expired"
                              : outcome.dropped ? word(outcome.why_dropped).data()
                                                : "no_connection");  // it is routed again, or nobody is meant
        }
        all_.erase(it);
        bus_.settled(id, std::move(outcome));
    }
}

/// Writes the outcome for operators, by the rules by which redis/inbox writes the receipt.
void deliveries::note_settled(const delivery& d) {
    recent_push* p = recent_.pushes.at(d.noted);
    if (p == nullptr) {
        return;
    }
    const delivery_outcome& o = d.outcome;
    p->connections = o.reached;
    p->seconds = std::chrono::duration<double>(timers_.now() - d.since).count();
    p->reason = {};
    if (o.reached > 0) {
        p->outcome = "delivered";
    } else if (!o.lost.empty() || !o.failed.empty()) {
        p->outcome = "routed_again";
        p->reason = !o.lost.empty() && proto::is_refused(o.lost.front()) ? "nacked" : "connection_gone";
    } else if (o.expired) {
        p->outcome = "expired";
    } else if (o.duplicates > 0 || o.dropped > 0) {
        p->outcome = "dropped";
        p->reason = word(o.why_missed());
    } else {
        p->outcome = d.everywhere || o.not_for_it ? "not_here" : "no_connection";
    }
}

void deliveries::drop_unconfirmed(connection& c) {
    std::vector<delivery_id> left = std::exchange(c.unconfirmed, {});
    if (const auto early = std::move(c.early)) {
        for (const auto* frames : {&early->first, &early->live}) {
            for (const auto& [f, tag, except, at, sent_as] : *frames) {
                if (except && is_excepted(c, *except)) {
                    settle(tag);
                } else if (tag >= first_delivery_id) {
                    left.push_back(tag);
                } else if (tag <= tag_channel) {
                    metrics_.undelivered[undelivered_reason::connection_gone] += 1;
                }
            }
        }
    }
    if (c.subscribes) {
        c.speaks->drop_held(c, left);
    }
    for (const delivery_id id : left) {
        if (const auto it = all_.find(id); it != all_.end()) {
            auto name = it->second.closes ? std::string()  // it was meant for this connection, not for its user's next one
                                          : c.speaks->route_name(c, it->second, id);
            if (!name.empty() && c.to_mailbox) {
                name = proto::lost_target(proto::next_place::mailbox, name);
            }
            if (name.empty()) {
                metrics_.undelivered[undelivered_reason::connection_gone] += 1;
                note_dropped(it->second, c, undelivered_reason::connection_gone);
            } else {
                lose(id, it->second, std::move(name));
            }
        }
        if (!sharing_.empty()) {
            pass_on(c, id, end_of_copy::lost);
        }
        settle(id);
    }
    former_users_.erase(&c);
    sharing_.erase(&c);
}

/// The user that the connection had when it was given this push.
const std::string& deliveries::user_at(const connection& c, delivery_id id) const {
    if (!former_users_.empty()) {
        if (const auto it = former_users_.find(&c); it != former_users_.end()) {
            for (const auto& [up_to, user] : it->second) {
                if (number_of(id) <= up_to) {
                    return user;
                }
            }
        }
    }
    return c.user;
}

/// The connection's user is about to change. Pushes that it has not confirmed belong to the old one.
void deliveries::remember_user(const connection& c) {
    delivery_id last = 0;
    for (const delivery_id id : c.unconfirmed) {
        last = std::max(last, number_of(id));
    }
    if (c.early) {
        for (const auto* frames : {&c.early->first, &c.early->live}) {
            for (const auto& [f, tag, except, at, sent_as] : *frames) {
                last = std::max(last, number_of(tag));
            }
        }
    }
    if (last > 0) {
        former_users_[&c].emplace_back(last, c.user);
    }
}

/// The name under which a push that this connection has not confirmed is routed again: the one by which it matched. A push for one
/// connection can only go to its user. A push for a group, or for all, goes to the connection's user, or else to all of its aliases.
/// Returns an empty name if there is none.
std::string deliveries::name_of(const connection& c, const delivery& d, delivery_id id) const {
    const std::string& user = user_at(c, id);
    const auto of_user = [&] { return user.empty() ? std::string() : proto::target(proto::target_kind::user, user); };
    if (d.to == nullptr) {
        return d.claimed && user.empty() && !c.aliases.empty() ? proto::target(proto::target_kind::alias, c.aliases.front())
                                                               : of_user();
    }
    const proto::addresses& to = *d.to;
    if (!user.empty() && contains(to.users, user)) {
        return proto::target(proto::target_kind::user, user);
    }
    for (const auto& a : c.aliases) {
        if (!to.members_only && contains(to.aliases, a)) {
            return proto::target(proto::target_kind::alias, a);
        }
    }
    if (!user.empty() || c.aliases.empty()) {
        return of_user();
    }
    const bool member = std::any_of(c.groups.begin(), c.groups.end(), [&](const auto& g) { return contains(to.groups, g); });
    return to.all || to.members_only || member ? proto::target(proto::target_kind::members, proto::joined_aliases(c.aliases))
                                               : std::string();
}

/// Returns whether a copy of this push is on its way to the connection; then the delivery `id` ends as that copy does.
bool deliveries::share_fate(connection& c, std::uint64_t hash, delivery_id id) {
    for (const delivery_id copy : c.unconfirmed) {
        const auto it = all_.find(copy);
        if (it != all_.end() && it->second.hash == hash && copy != id) {
            sharing_[&c].emplace_back(copy, id);
            ++all_[id].outstanding;
            return true;
        }
    }
    return false;
}

void deliveries::pass_on(connection& c, delivery_id copy, end_of_copy how, undelivered_reason reason) {
    const auto of_connection = sharing_.find(&c);
    if (of_connection == sharing_.end()) {
        return;
    }
    std::vector<delivery_id> ended;
    std::erase_if(of_connection->second, [&](const auto& pair) {
        if (pair.first == copy) {
            ended.push_back(pair.second);
        }
        return pair.first == copy;
    });
    if (of_connection->second.empty()) {
        sharing_.erase(of_connection);
    }
    for (const delivery_id id : ended) {
        if (const auto it = all_.find(id); it != all_.end()) {
            delivery& d = it->second;
            if (how == end_of_copy::delivered) {
                note_delivered(d, c);
            } else if (how == end_of_copy::dropped) {
                note_dropped(d, c, reason);
            } else if (auto name = name_of(c, d, id); name.empty()) {
                note_dropped(d, c, undelivered_reason::connection_gone);
            } else {
                lose(id, d, std::move(name));
            }
        }
        settle(id);
    }
}

}  // namespace wsidecar::core
