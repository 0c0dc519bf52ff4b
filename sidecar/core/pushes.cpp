#include "sidecar/core/pushes.hpp"

#include <algorithm>
#include <utility>

#include "proto/target.hpp"
#include "sidecar/core/addressing.hpp"
#include "sidecar/core/history.hpp"

namespace wsidecar::core {
namespace {

/// The same word in static storage. Routers report what became of a push by an undelivered_reason or by one of these words; from any
/// other word, which a newer version may write, "other" is made.
std::string_view known_word(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    for (const std::string_view w : {"routed", "stored", "parked", "dropped", "registering", "age", "ageM", "grace", "graceM",
                                     "ttl", "ttlM", "attempts", "bad_receipt"}) {
        if (w == text) {
            return w;
        }
    }
    const auto reason = undelivered_reason_of(text);
    return reason ? word(*reason) : "other";
}

/// Whether the push is for a single user or connection. Then the name needs no copy for a redelivery.
bool is_for_one(const proto::addresses& to) {
    return !to.all && to.routes.empty() && to.users.size() + to.connections.size() == 1 && to.aliases.empty() &&
           to.groups.empty() && to.subscriptions.empty() && to.destinations.empty();
}

/// Up to 256 bytes. Most pushes have no id or no receipt.
void copy_some(const std::string& from, std::string& to) {
    if (from.empty()) {
        to.clear();
    } else {
        to.assign(from, 0, 256);
    }
}

}  // namespace

pushes::pushes(context& x, const neighbours& n)
    : metrics_(x.metrics),
      timers_(x.timers),
      hub_(x.hub),
      departed_(x.departed),
      recent_(x.recent),
      tracing_(x.tracing),
      deliveries_(n.deliveries),
      backlog_(n.backlog),
      dispatch_(n.dispatch),
      history_(n.history),
      pushed_list_(x.metrics.pushes.at({"list"})),
      pushed_channel_(x.metrics.pushes.at({"channel"})) {}

void pushes::on_push(const proto::envelope& push, const push_origin& from) {
    const bool list = from.id >= first_delivery_id;
    (list && (from.id & of_channel) == 0 ? pushed_list_ : pushed_channel_) += 1;
    span_ptr span = tracing_.on() ? tracing_.push(push, from) : nullptr;
    delivery* d = nullptr;
    if (list) {
        d = &deliveries_[from.id];
        d->outstanding = 1;  // this function's own: nothing settles before it is done
        d->receipt = from.receipt;
        d->each = from.each;
        d->again = from.again;
        d->since = timers_.now();
        d->span = std::move(span);
    }
    const auto wall = timers_.wall();
    recent_push& noted = note_push(push, from, wall);
    if (d != nullptr) {
        d->everywhere = from.everywhere;
        d->noted = recent_.pushes.count() - 1;
    }
    if (expired(push, wall)) {
        metrics_.undelivered[undelivered_reason::expired] += 1;
        if (span) {
            tracing_.end_push(std::move(span), 0, "expired");
        }
        noted.outcome = "expired";
        dispatch_.none_came(push.to, from);
        if (d != nullptr) {
            d->outcome.expired = true;
            deliveries_.settle(from.id);
        }
        return;
    }
    const std::uint64_t hash = d == nullptr && push.id.empty() ? 0 : dedup::hash(push.id);  // what has no id repeats none
    if (d != nullptr) {
        d->closes = push.close.has_value() && !from.again && !push.mailbox && !from.mailbox && !from.kept;
        d->claimed = from.mailbox;
        d->hash = hash;
        d->at = from.at;
        if (!is_for_one(push.to)) {
            d->to = std::make_shared<proto::addresses>(push.to);
        }
    }
    const bool plain = push.to.destinations.empty() && push.to.subscriptions.empty();
    if (d != nullptr && !push.close && (push.to.all || !push.to.groups.empty() || !plain)) {
        std::vector<std::string> missed;
        departed_.name_missed(push.to, push.except, {from.routed, from.shard}, timers_.now(), missed);
        for (auto& name : missed) {
            deliveries_.lose(from.id, *d, std::move(name));
        }
    }
    const push_share found = plain ? push_plain(push, from, hash, d) : subscribers_->push(push, from, hash, d);
    if (list) {
        deliveries_.settle(from.id);
        return;
    }
    noted.connections = found.given;
    noted.outcome = found.given > 0 ? "sent" : "not_here";
    if (span && found.matched > 0) {  // otherwise its recipients are on other pods, or nowhere
        tracing_.end_push(std::move(span), found.matched, nullptr);
    }
}

/// One entry for all its connections, for operators who ask where a message went.
recent_push& pushes::note_push(const proto::envelope& push, const push_origin& from,
                               std::chrono::system_clock::time_point now) {
    const bool list = from.id >= first_delivery_id;
    recent_push& p = list || !push.id.empty() ? recent_.pushes.next() : recent_.unnamed_pushes.next();
    p.time = now;
    copy_some(push.id, p.id);
    p.door = list && (from.id & of_channel) == 0 ? "list" : "channel";
    write_names(push.to, p.to);
    if (push.except.empty()) {
        p.except.clear();
    } else {
        write_names(push.except, p.except);
    }
    p.outcome = "under_way";
    p.reason = {};
    p.connection.clear();
    p.connections = 0;
    p.seconds = 0;
    copy_some(push.receipt, p.receipt);
    return p;
}

void pushes::on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
    recent_push& p = outcome == "routed" ? recent_.routed.next() : recent_.pushes.next();
    p.time = timers_.wall();
    p.receipt.clear();
    p.id = id;
    p.door = "router";
    p.to = target;
    p.except.clear();
    p.outcome = known_word(outcome);
    p.reason = known_word(reason);
    p.connection.clear();
    p.connections = 0;
    p.seconds = 0;
}

push_share pushes::push_plain(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) {
    if (d != nullptr && !from.everywhere) {
        name_absent(push.to, d->outcome);
    }
    const bool message = push.kind != proto::payload_kind::none;
    const auto op = push.kind == proto::payload_kind::text ? proto::opcode::text : proto::opcode::binary;
    const std::uint64_t collapse = push.collapse.empty() ? 0 : dedup::hash(push.collapse) | 1U;
    const proto::addresses* except = push.except.empty() ? nullptr : &push.except;
    frame_ptr encoded;
    push_share found;
    const auto give = [&](connection& c) {
        ++found.matched;
        if (c.subscribes && message) {
            not_for_subscriber(c, from);
        } else if (c.recalled && history_.is_recalled(c, push.to, from)) {
            (void)dispatch_.is_in_history(c, from, 0, hash, d);
        } else if (dispatch_.had_it(c, push, hash, hash, from, d)) {
            return;
        } else if (message) {
            if (!encoded) {
                encoded = frame::make(op, push.payload);
            }
            if (!dispatch_.deliver(c, encoded, from, hash, collapse, except)) {
                dispatch_.not_held(c, from, hash, d != nullptr ? deliveries_.name_of(c, *d, from.id) : std::string());
            }
            ++found.given;
        } else {
            ++found.given;
            if (d != nullptr) {
                deliveries_.note_delivered(deliveries_[from.id], c);
            }
            backlog_.one_came(c, from);
        }
    };
    if (d != nullptr && from.again && !push.except.empty()) {
        name_excepted(push, d->outcome);
    }
    if (push.join.empty() && push.leave.empty() && !push.close) {
        hub_.match(push.to, push.except, give);
        if (found.matched > 0) {
            return found;
        }
        dispatch_.none_came(push.to, from);
        if (from.kept) {
            dispatch_.name_not_for_it(push, d);
        } else if (push.to.members_only) {
            name_no_member(push.to, d);
        }
        return found;
    }
    // Joining, leaving and closing change the hub, so the connections are collected first.
    std::vector<connection_ptr> matched;
    hub_.match(push.to, push.except, [&](connection& c) { matched.emplace_back(&c); });
    for (const auto& c : matched) {
        give(*c);
        dispatch_.act(*c, push, from);
    }
    if (matched.empty()) {
        dispatch_.none_came(push.to, from);
        if (from.kept) {
            dispatch_.name_not_for_it(push, d);
        }
    }
    return found;
}

/// The client takes only what it has subscribed to, and this push names no destination.
void pushes::not_for_subscriber(connection& c, const push_origin& from) {
    metrics_.undelivered[undelivered_reason::no_destination] += 1;
    if (from.id >= first_delivery_id) {
        deliveries_.note_dropped(deliveries_[from.id], c, undelivered_reason::no_destination);
    }
    backlog_.one_came(c, from);
}

/// A recipient that is named and not here has left since the router looked it up. The push is routed to it again.
void pushes::name_absent(const proto::addresses& to, delivery_outcome& out) const {
    const auto on_route = [&](std::vector<std::string> proto::addresses::*kind, const std::string& name) {
        proto::addresses one;
        (one.*kind).push_back(name);
        one.members_only = to.members_only;
        one.routes = to.routes;
        bool here = false;
        hub_.visit(one, [&](connection&) { here = true; });
        return here;
    };
    const bool any_route = to.routes.empty();
    for (const auto& u : to.users) {
        if (!(any_route ? hub_.has_user(u) : on_route(&proto::addresses::users, u))) {
            out.failed.push_back(proto::target(proto::target_kind::user, u));
        }
    }
    for (const auto& a : to.aliases) {
        if (!(!any_route        ? on_route(&proto::addresses::aliases, a)
              : to.members_only ? hub_.has_aliases(a)
                                : hub_.has_alias(a))) {
            out.failed.push_back(proto::target(to.members_only ? proto::target_kind::members : proto::target_kind::alias, a));
        }
    }
}

/// The connections with these aliases are not in the push's groups (any more, or yet). The push waits as if none were here.
void pushes::name_no_member(const proto::addresses& to, delivery* d) {
    for (const auto& a : to.aliases) {
        if (d != nullptr && hub_.has_aliases(a)) {
            d->outcome.lost.push_back(
                proto::lost_target(proto::next_place::excepted, proto::target(proto::target_kind::members, a)));
        }
    }
}

/// A push that is routed again finds only connections that it excepts. It waits for another one, as if none were here.
void pushes::name_excepted(const proto::envelope& push, delivery_outcome& out) {
    const auto look = [&](proto::target_kind kind, const std::vector<std::string>& names,
                          std::vector<std::string> proto::addresses::*list) {
        for (const auto& name : names) {
            proto::addresses one;
            (one.*list).push_back(name);
            one.routes = push.to.routes;
            bool here = false;
            bool takes = false;
            hub_.visit(one, [&](connection&) { here = true; });
            hub_.match(one, push.except, [&](connection&) { takes = true; });
            if (here && !takes) {
                out.lost.push_back(proto::lost_target(proto::next_place::excepted, proto::target(kind, name)));
            }
        }
    };
    look(proto::target_kind::user, push.to.users, &proto::addresses::users);
    look(proto::target_kind::alias, push.to.aliases, &proto::addresses::aliases);
}

}  // namespace wsidecar::core
