#include "sidecar/core/stomp/broker.hpp"

#include <algorithm>
#include <utility>

#include "proto/target.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/stomp/acks.hpp"
#include "sidecar/core/stomp/headers.hpp"
#include "sidecar/core/stomp/message.hpp"

namespace wsidecar::core {

stomp_broker::stomp_broker(context& x, stomp_shared& shared, const neighbours& n)
    : metrics_(x.metrics),
      timers_(x.timers),
      hub_(x.hub),
      instance_(x.instance),
      subscriptions_(shared.subscriptions),
      messages_(shared.messages),
      acks_(n.acks),
      deliveries_(n.deliveries),
      backlog_(n.backlog),
      dispatch_(n.dispatch) {}

/// The keys by which pushes to `to` find subscriptions, to the broker's destinations or to users' own.
std::vector<std::string> stomp_broker::keys_of(const proto::addresses& to) {
    if (to.of_broker()) {
        return to.destinations;
    }
    std::vector<std::string> out;
    for (const auto& d : to.destinations) {
        out.push_back(proto::own_destination(d));
    }
    for (const auto& s : to.subscriptions) {
        out.push_back(s.substr(s.find('\0') + 1));
        out.insert(out.end(), to.destinations.begin(), to.destinations.end());  // what a pattern would match
    }
    return out;
}

void stomp_broker::match(const proto::envelope& push, bool kept, matches& out) {
    const std::uint64_t skip = hub_.mark(push.except);
    // A push kept for a subscription is for any connection that has the subscription now, on any route.
    const auto on_route = [&](const connection& c) { return kept || push.to.routes.empty() || c.is_on(push.to.routes); };
    if (push.to.of_broker()) {
        subscriptions_.match(push.to.destinations, [&](subscription& s, const std::string& destination) {
            if (s.owner->mark != skip && on_route(*s.owner)) {
                out.push_back({&s, &destination});
            }
        });
    }
    const auto has = [](const std::vector<std::string>& all, std::string_view one) {
        return std::find(all.begin(), all.end(), one) != all.end();
    };
    const auto own = [&](connection& c, auto wanted) {
        if (!c.stomp || c.mark == skip || !on_route(c)) {
            return;
        }
        for (const auto& s : c.stomp->subscriptions) {
            if (wanted(*s) && std::none_of(out.begin(), out.end(), [&](const match_of_push& m) { return m.to == s.get(); })) {
                const auto& shown = push.to.destinations.empty() ? s->key : push.to.destinations.front();
                out.push_back({s.get(), &shown});
            }
        }
    };
    for (const auto& name : push.to.subscriptions) {
        const proto::subscription_owner owner(name);
        hub_.visit(owner.as_addresses(), [&](connection& c) {
            own(c, [&](const subscription& s) {
                return s.what != subscription::kind::app && s.key == owner.key && s.takes(push.to.destinations);
            });
        });
    }
    if (!push.to.destinations.empty() && !push.to.of_broker()) {
        proto::addresses named = push.to;
        named.destinations.clear();
        named.subscriptions.clear();
        std::vector<std::string> keys;
        for (const auto& d : push.to.destinations) {
            keys.push_back(proto::own_destination(d));
        }
        hub_.visit(named, [&](connection& c) {
            own(c, [&](const subscription& s) {
                if (s.what == subscription::kind::own) {
                    return has(keys, s.key);
                }
                // What the app answers later, to the one connection that has asked it.
                return has(push.to.destinations, s.key) && has(push.to.connections, c.id) &&
                       to_app(s.key, c.route->stomp.app_prefixes);
            });
        });
    }
}

push_share stomp_broker::push(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) {
    matches matched;
    match(push, from.mailbox, matched);
    const bool list = from.id >= first_delivery_id;
    if (d != nullptr) {
        d->keys = keys_of(push.to);
        if (!from.everywhere) {
            name_unsubscribed(push.to, matched, d->outcome);
        }
    }
    if (from.kept && matched.empty()) {
        dispatch_.name_not_for_it(push, d);
    } else if (matched.empty()) {
        dispatch_.none_came(push.to, from);  // the push will be kept again
    }
    std::optional<stomp_message> message;
    if (push.kind != proto::payload_kind::none && !matched.empty()) {
        message.emplace(push, instance_, ++messages_);
    }
    std::uint32_t given = 0;
    std::vector<connection_ptr> owners;
    for (const match_of_push& m : matched) {
        connection& c = *m.to->owner;
        if (owners.empty() || owners.back().get() != &c) {
            owners.emplace_back(&c);
        }
        const std::uint64_t sent_as = dedup::hash(m.to->id) ^ hash;
        if (m.to->joined && !m.to->joining && m.to->joined.covers(from.at) && !from.mailbox) {
            if (dispatch_.is_in_history(c, from, dedup::hash(m.to->id), sent_as, d) || !from.again) {
                continue;
            }
        }
        if (dispatch_.had_it(c, push, hash, sent_as, from, d)) {
            continue;
        }
        ++given;
        if (message) {
            deliver_message(*m.to, *message, *m.destination, push, from, sent_as);
        } else {
            if (list) {
                deliveries_.note_delivered(deliveries_[from.id], c);
            }
            backlog_.one_came(c, from);
        }
    }
    if (push.close || !push.join.empty() || !push.leave.empty()) {
        std::sort(owners.begin(), owners.end());
        owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
        for (const auto& c : owners) {
            dispatch_.act(*c, push, from);
        }
    }
    return {matched.size(), given};
}

/// A recipient that is named and has no such subscription here has left since the router looked it up.
void stomp_broker::name_unsubscribed(const proto::addresses& to, const matches& matched, delivery_outcome& out) const {
    const auto look = [&](proto::target_kind kind, std::string_view name, std::string_view key) {
        const bool there = std::any_of(matched.begin(), matched.end(), [&](const match_of_push& m) {
            const connection& c = *m.to->owner;
            return m.to->key == key &&
                   (kind == proto::target_kind::user    ? c.user == name
                    : kind == proto::target_kind::alias ? std::find(c.aliases.begin(), c.aliases.end(), name) != c.aliases.end()
                                                        : true);
        });
        if (!there && kind != proto::target_kind::connection) {
            out.failed.push_back(proto::target_subscription(kind, name, key));
        }
    };
    for (const auto& s : to.subscriptions) {
        const proto::subscription_owner owner(s);
        look(owner.kind, owner.name, owner.key);
    }
    if (to.of_broker()) {
        return;
    }
    for (const auto& d : to.destinations) {
        const std::string key = proto::own_destination(d);
        for (const auto& u : to.users) {
            look(proto::target_kind::user, u, key);
        }
        for (const auto& a : to.aliases) {
            look(proto::target_kind::alias, a, key);
        }
    }
}

void stomp_broker::deliver_message(subscription& s, stomp_message& message, const std::string& destination,
                                   const proto::envelope& push, const push_origin& from, std::uint64_t sent_as) {
    connection& c = *s.owner;
    const bool list = from.id >= first_delivery_id;
    const frame_ptr f = message.frame_for(s, c.stomp->version, destination);
    // What is behind its history is not known yet.
    const bool recalls = s.joining && s.history > 0 && (!from.mailbox || from.kept);
    const bool waits = s.joining && (!from.mailbox || recalls);
    if (c.mailbox_due <= 0 && !s.recalled.empty() && !from.mailbox && !from.again) {
        // All that was kept has come, and live pushes to one destination come in their order.
        std::erase_if(s.recalled, [&](const auto& r) { return r.first < from.at; });
    }
    if (list && s.ack != subscription::ack_mode::automatic && !recalls) {
        const std::size_t bytes = f->bytes().size();
        if (c.stomp->at != stomp_client::stage::over && !acks_.may_wait(c, bytes)) {
            acks_.give_up(c, "unacknowledged", "too many messages wait for their ACK: limits.unacknowledged");
        }
        ++deliveries_[from.id].outstanding;
        acks_.await(c, s, message.number(), from.id, bytes);
        if (c.stomp->at == stomp_client::stage::over) {
            // It is given back together with those that already wait. Refused alone, it would be routed here again while the registry has this client.
        } else if (waits) {
            s.held.push_back({f, tag_unconfirmed, dedup::hash(push.id), from.at});
        } else if (from.mailbox || c.mailbox_due <= 0 ||
                   !backlog_.hold(c, {f, tag_unconfirmed, nullptr, from.at, sent_as}, false)) {
            c.session->send(f, tag_unconfirmed);
        }
    } else if (waits) {
        if (s.held.size() >= held_at_most) {
            acks_.lose(c, s, from.id, undelivered_reason::queue);
            return;
        }
        if (list) {
            ++deliveries_[from.id].outstanding;
        }
        s.held.push_back({f, list ? from.id : tag_channel, dedup::hash(push.id), from.at, message.number(), from.kept});
    } else {
        const std::uint64_t collapse = push.collapse.empty() ? 0 : (dedup::hash(push.collapse) ^ dedup::hash(s.id)) | 1U;
        const auto name = list ? route_name(c, s, c.user, deliveries_[from.id].to.get()) : std::string();
        if (!dispatch_.deliver(c, f, from, sent_as, collapse)) {
            dispatch_.not_held(c, from, sent_as, name);
        }
    }
    c.stomp->sent = timers_.now();
    if (list && s.ack != subscription::ack_mode::automatic) {
        backlog_.one_came(c, from);  // deliver() has counted the others
    }
}

/// The registry has the subscription, and its mailbox is on its way or was empty. What came meanwhile goes behind it.
void stomp_broker::release(subscription& s) {
    connection& c = *s.owner;
    for (const auto& [f, tag, hash, at, number, kept] : std::exchange(s.held, {})) {
        if (c.session == nullptr) {
            continue;  // deliveries::drop_unconfirmed() has ended them
        }
        if (c.mailbox_due <= 0) {
            backlog_.send(c, f, tag);
        } else if (!backlog_.hold(c, {f, tag, nullptr, at, hash ^ dedup::hash(s.id)}, false)) {
            if (tag >= first_delivery_id) {
                acks_.lose(c, s, tag, undelivered_reason::queue);
                deliveries_.settle(tag);
            } else {
                metrics_.undelivered[undelivered_reason::queue] += 1;
            }
        }
    }
}

/// The answer to a SUBSCRIBE of an app destination: one MESSAGE, and no subscription that pushes would find.
void stomp_broker::answer(connection& c, const stomp_request& r, const proto::envelope& push) {
    if (c.session == nullptr) {
        metrics_.undelivered[undelivered_reason::connection_gone] += 1;
        return;
    }
    subscription s;
    s.id = std::string(r.header("id"));
    s.destination = std::string(r.header("destination"));
    s.what = subscription::kind::app;
    stomp_message message(push, instance_, ++messages_);
    c.session->send(message.frame_for(s, c.stomp->version, s.destination), tag_answer);
    c.stomp->sent = timers_.now();
}

}  // namespace wsidecar::core
