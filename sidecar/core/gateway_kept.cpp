// gateway: what was kept for a connection while its owner had none, and goes before live pushes.

#include <algorithm>
#include <utility>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {

void gateway::on_claimed(const std::string& connection) {
    if (auto* c = hub_.find(connection)) {
        mailbox_came(*c);
    }
}

/// It was kept for who is here now, and either excepts him or is for a group that he does not belong to any more.
void gateway::name_not_for_it(const proto::envelope& push, delivery* d) {
    bool here = false;
    proto::addresses anybody = push.to;
    anybody.groups.clear();
    hub_.visit(anybody, [&](connection&) { here = true; });
    for (const auto& name : push.to.subscriptions) {
        const auto nul = name.find('\0');
        const std::string_view who = std::string_view(name).substr(1, nul - 1);
        const auto has_it = [&](connection& c) {
            here = here || name[0] == 'c' ||
                   (c.stomp && std::any_of(c.stomp->subscriptions.begin(), c.stomp->subscriptions.end(), [&](const auto& s) {
                        return s->what != subscription::kind::app && s->key == std::string_view(name).substr(nul + 1);
                    }));
        };
        proto::addresses one;
        (name[0] == 'u' ? one.users : name[0] == 'a' ? one.aliases : one.connections).emplace_back(who);
        hub_.visit(one, has_it);
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
                d->outcome.lost.push_back(c->user.empty() ? "xm" + proto::joined_aliases(c->aliases) : "xu" + c->user);
            }
        }
    }
    d->outcome.not_for_it = d->outcome.lost.empty();
}

/// What was kept for many may be in a history, too, of which it has its place there; and ids of events must not go back, so that a stream has
/// all in the order of the places.
bool gateway::goes_by_place(const connection& c, const push_origin& from) {
    if (!from.mailbox) {
        return false;
    }
    return c.route->sse ? c.recalling || c.mailbox_due > 0 || c.session == nullptr : from.kept && c.recalling;
}

/// What has no place, a channel's, stays behind what it came behind.
void gateway::sort_by_place(std::vector<connection::waiting_frames::held>& frames) {
    place before;
    for (auto& h : frames) {
        before = h.at = h.at ? h.at : before;
    }
    std::stable_sort(frames.begin(), frames.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
}

/// This push came live already, before what is kept for the connection, and waits behind that: an instance may read what is for all, or for a
/// group that others here belong to, later than its client comes back. Its place is among what is kept. False: no live copy waits.
bool gateway::replaces_live(connection& c, std::uint64_t sent_as) {
    const auto give_up = [&](std::uint64_t tag) {
        if (const auto it = deliveries_.find(tag); it != deliveries_.end()) {
            it->second.outcome.not_for_it = true;
        }
        settle(tag);
        return true;
    };
    const auto give_up_acknowledged = [&] {
        auto& unacked = c.stomp->unacked;
        const auto one = std::find_if(unacked.begin(), unacked.end(), [&](const auto& u) {
            const auto it = deliveries_.find(u.delivery);
            return it != deliveries_.end() && (dedup::hash(u.to->id) ^ it->second.hash) == sent_as;
        });
        if (one == unacked.end()) {
            return false;
        }
        const delivery_id id = one->delivery;
        c.stomp->unacked_bytes -= one->bytes;
        unacked.erase(one);
        return give_up(id);
    };
    const auto end = [&](std::uint64_t tag) {
        return tag == tag_unconfirmed ? c.stomp && give_up_acknowledged() : give_up(tag);
    };
    if (c.early) {
        auto& live = c.early->live;
        const auto h = std::find_if(live.begin(), live.end(), [&](const auto& x) {
            return x.sent_as == sent_as && (x.tag >= first_delivery_id || x.tag == tag_unconfirmed);
        });
        if (h != live.end()) {
            const auto tag = h->tag;
            live.erase(h);
            return end(tag);
        }
    }
    if (c.stomp) {
        for (const auto& s : c.stomp->subscriptions) {
            const auto h = std::find_if(s->held.begin(), s->held.end(), [&](const auto& x) {
                return (x.hash ^ dedup::hash(s->id)) == sent_as && (x.tag >= first_delivery_id || x.tag == tag_unconfirmed);
            });
            if (h != s->held.end()) {
                const auto tag = h->tag;
                s->held.erase(h);
                return end(tag);
            }
        }
    }
    return false;
}

}  // namespace wsidecar::core
