#include "sidecar/core/dispatch.hpp"

#include <algorithm>

#include "proto/target.hpp"
#include "sidecar/core/addressing.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/history.hpp"

namespace wsidecar::core {
namespace {

bool is_subscribed(const connection& c, std::string_view key) {
    const auto all = c.speaks->subscriptions(c);
    return std::any_of(all.begin(), all.end(), [&](const auto& s) { return !s.of_app && s.key == key; });
}

}  // namespace

dispatch::dispatch(context& x, core::deliveries& deliveries, core::backlog& backlog)
    : metrics_(x.metrics),
      timers_(x.timers),
      hub_(x.hub),
      sent_(x.sent),
      confirmed_(x.confirmed),
      recalled_(x.recalled),
      deliveries_(deliveries),
      backlog_(backlog) {}

bool dispatch::had_this(connection& c, std::uint64_t hash, std::uint64_t sent_as, const push_origin& from, delivery* d) {
    const bool by_user = from.again && !c.user.empty() && confirmed_.contains(c.user, hash);
    if (is_in_history(c, from, sent_as ^ hash, sent_as, d)) {
        backlog_.one_came(c, from);
        return true;
    }
    // Only the first push that waited for the connection can find a live copy: a second one with the same id is a duplicate of the first.
    const bool first_that_waited = (from.kept || from.mailbox) && sent_.first(c.id, ~sent_as, timers_.now());
    if (!by_user && (sent_.first(c.id, sent_as, timers_.now()) || (first_that_waited && replaces_live(c, sent_as)))) {
        return false;
    }
    if (from.again && d != nullptr && !by_user && deliveries_.share_fate(c, hash, from.id)) {
        // A copy is on its way to this connection already, and this delivery ends as that copy does.
    } else if (from.again) {
        if (d != nullptr) {
            ++d->outcome.reached;  // it was routed again because another receiver had not got it
        }
    } else {
        metrics_.undelivered[undelivered_reason::duplicate] += 1;
        if (d != nullptr) {
            ++d->outcome.duplicates;
        }
    }
    backlog_.one_came(c, from);
    return true;
}

bool dispatch::is_in_history(connection& c, const push_origin& from, std::uint64_t subscription, std::uint64_t sent_as,
                             delivery* d) {
    if (!from.at || recalled_.size() == 0 || !recalled_.contains(c.id, recall_key(from.at, subscription))) {
        return false;
    }
    if (d != nullptr) {
        // A copy that was sent already may still wait for its ACK.
        const bool unconfirmed =
            backlog_.take_over(c, from, sent_as) || c.speaks->awaits_ack_of_history(c, from.id, from.at, sent_as, 0);
        ++(unconfirmed ? d->outstanding : d->outcome.reached);
    }
    return true;
}

/// This push came live already, before what is kept for the connection, and waits behind that: an instance may read what is for all,
/// or for a group that others here belong to, later than its client comes back. Its place is among what is kept. False: no live copy
/// waits.
bool dispatch::replaces_live(connection& c, std::uint64_t sent_as) {
    std::uint64_t tag = backlog_.withdraw(c, sent_as);
    if (tag == 0) {
        tag = c.speaks->withdraw_held(c, sent_as);
    }
    if (tag == tag_unconfirmed) {
        tag = c.speaks->withdraw_unacknowledged(c, sent_as);
    }
    if (tag < first_delivery_id) {
        return false;
    }
    if (delivery* const d = deliveries_.find(tag)) {
        d->outcome.not_for_it = true;
    }
    deliveries_.settle(tag);
    return true;
}

bool dispatch::deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t sent_as,
                       std::uint64_t collapse, const proto::addresses* except) {
    const bool list = from.id >= first_delivery_id;
    const std::uint64_t tag = list ? from.id : tag_channel;
    const bool merged = backlog::goes_by_place(c, from);
    const bool now = c.session != nullptr && !merged && ((c.mailbox_due <= 0 && !c.recalling) || from.mailbox);
    const auto excepted = [&] { return except != nullptr ? std::make_shared<proto::addresses>(*except) : nullptr; };
    if (!now && !backlog_.hold(c, {f, tag, excepted(), from.at, sent_as}, from.mailbox, merged)) {
        return false;
    }
    if (merged && from.in_order) {
        c.waiting().mailbox_in_order = true;
    }
    if (list) {
        ++deliveries_[from.id].outstanding;
    }
    if (now) {
        backlog_.send(c, f, tag, collapse, from.at);
    }
    if (from.mailbox) {
        backlog_.one_came(c, from);
    }
    return true;
}

/// Too much waits for the connection to open, or for its mailbox. An outbox push is routed again under `name`; empty: it is dropped.
void dispatch::not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name,
                        undelivered_reason reason) {
    const bool list = from.id >= first_delivery_id;
    if (list) {
        sent_.forget(c.id, sent_as);
    }
    if (list && !name.empty()) {
        deliveries_.lose(from.id, deliveries_[from.id], name);
        return;
    }
    metrics_.undelivered[reason] += 1;
    if (list) {
        deliveries_.note_dropped(deliveries_[from.id], c, reason);
    }
}

/// A push that is routed again, or comes from a mailbox that it did not ask for, was meant to close an older connection than this.
void dispatch::act(connection& c, const proto::envelope& push, const push_origin& from) {
    if (!push.join.empty() || !push.leave.empty()) {
        hub_.rename(c, [&](connection& x) {
            for (const auto& g : push.leave) {
                std::erase(x.groups, g);
            }
            for (const auto& g : push.join) {
                if (!contains(x.groups, g)) {
                    x.groups.push_back(g);
                }
            }
        });
        c.speaks->reenroll(c);
    }
    if (push.close && !from.again && !from.kept && (!from.mailbox || push.mailbox)) {
        c.close(push.close->code, push.close->reason);
    }
}

/// The push was kept for a receiver that is connected here, but it excepts them or is for a group that they have left.
void dispatch::name_not_for_it(const proto::envelope& push, delivery* d) {
    bool here = false;
    proto::addresses anybody = push.to;
    anybody.groups.clear();
    hub_.visit(anybody, [&](connection&) { here = true; });
    for (const auto& name : push.to.subscriptions) {
        const proto::subscription_owner owner(name);
        const auto has_it = [&](connection& c) {
            here = here || owner.kind == proto::target_kind::connection || is_subscribed(c, owner.key);
        };
        hub_.visit(owner.as_addresses(), has_it);
    }
    if (d == nullptr || !here) {
        return;
    }
    d->outcome.failed.clear();
    if (!push.except.routes.empty()) {
        // This page is excepted, and another of the same user may come for it.
        for (const auto& id : push.to.connections) {
            const connection* c = hub_.find(id);
            if (c != nullptr && c->is_on(push.except.routes) && (!c->user.empty() || !c->aliases.empty())) {
                const std::string owner = c->user.empty()
                                              ? proto::target(proto::target_kind::members, proto::joined_aliases(c->aliases))
                                              : proto::target(proto::target_kind::user, c->user);
                d->outcome.lost.push_back(proto::lost_target(proto::next_place::excepted, owner));
            }
        }
    }
    d->outcome.not_for_it = d->outcome.lost.empty();
}

void dispatch::none_came(const proto::addresses& to, const push_origin& from) {
    if (!from.mailbox || from.kept) {
        return;
    }
    for (const auto& id : to.connections) {
        if (connection* const c = hub_.find(id)) {
            backlog_.mailbox_came(*c);
        }
    }
    for (const auto& name : to.subscriptions) {
        const proto::subscription_owner owner(name);
        connection* const c = owner.kind == proto::target_kind::connection ? hub_.find(owner.name) : nullptr;
        if (c != nullptr) {
            backlog_.mailbox_came(*c);
        }
    }
}

}  // namespace wsidecar::core
