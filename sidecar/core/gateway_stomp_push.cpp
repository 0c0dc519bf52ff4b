// gateway: what goes to clients that speak STOMP: pushes as MESSAGE frames, receipts, errors, heart-beats.

#include <algorithm>
#include <utility>

#include "proto/stomp_write.hpp"
#include "proto/utf8.hpp"
#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"
#include "sidecar/core/stomp_message.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
namespace {

using namespace std::chrono_literals;

constexpr std::size_t held_at_most = 1024;

/// The subscription that a push came by, as other instances find it; empty: its owner has no name. `to`: whom the push is for; what is for an alias goes
/// to that alias again.
std::string route_name(const connection& c, const subscription& s, const std::string& user, const proto::addresses* to) {
    if (!user.empty()) {
        return 'q' + proto::subscription_name('u', user, s.key);
    }
    if (to != nullptr && !to->of_broker()) {
        for (const auto& a : c.aliases) {
            if (std::find(to->aliases.begin(), to->aliases.end(), a) != to->aliases.end() ||
                std::find(to->subscriptions.begin(), to->subscriptions.end(), proto::subscription_name('a', a, s.key)) !=
                    to->subscriptions.end()) {
                return 'q' + proto::subscription_name('a', a, s.key);
            }
        }
        const bool others = !to->users.empty() || !to->connections.empty();
        if (others && to->aliases.empty() && to->subscriptions.empty() && to->groups.empty() && !to->all) {
            return {};
        }
    }
    return c.aliases.empty() ? std::string() : 'q' + proto::subscription_name('a', c.aliases.front(), s.key);
}

bool has(const std::vector<std::string>& keys, const subscription& s) {
    return s.pattern ? s.takes(keys) : std::find(keys.begin(), keys.end(), s.key) != keys.end();
}

}  // namespace

// ------------------------------------------------------------------------------------------------------- pushes

std::vector<std::string> gateway::subscription_names(const connection& c) {
    std::vector<std::string> out;
    for (const auto& s : c.stomp->subscriptions) {
        if (s->what == subscription::kind::app) {
            continue;
        }
        if (s->what == subscription::kind::broker) {
            out.push_back(s->pattern ? "p*" : 'd' + s->key);
        }
        if (!c.user.empty()) {
            out.push_back('q' + proto::subscription_name('u', c.user, s->key));
        }
        for (const auto& a : c.aliases) {
            out.push_back('q' + proto::subscription_name('a', a, s->key));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

/// Keys by which pushes to `to` find subscriptions: of the broker, or of each one's own.
std::vector<std::string> gateway::keys_of(const proto::addresses& to) {
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

void gateway::match_subscriptions(const proto::envelope& push, bool kept, std::vector<match>& out) {
    const std::uint64_t skip = hub_.mark(push.except);
    // What was kept for a subscription is for it, whatever the route of who has it now.
    const auto on_route = [&](const connection& c) { return kept || push.to.routes.empty() || c.is_on(push.to.routes); };
    if (push.to.of_broker()) {
        subscriptions_.match(push.to.destinations, [&](subscription& s, const std::string& destination) {
            if (s.owner->mark != skip && on_route(*s.owner)) {
                out.push_back({&s, &destination});
            }
        });
    }
    const auto own = [&](connection& c, auto wanted) {
        if (!c.stomp || c.mark == skip || !on_route(c)) {
            return;
        }
        for (const auto& s : c.stomp->subscriptions) {
            if (s->what != subscription::kind::app && wanted(*s) &&
                std::none_of(out.begin(), out.end(), [&](const match& m) { return m.to == s.get(); })) {
                const auto& shown = push.to.destinations.empty() ? s->key : push.to.destinations.front();
                out.push_back({s.get(), &shown});
            }
        }
    };
    for (const auto& name : push.to.subscriptions) {
        const auto nul = name.find('\0');
        const std::string who = name.substr(1, nul - 1);
        const std::string key = name.substr(nul + 1);
        proto::addresses one;
        (name[0] == 'u' ? one.users : name[0] == 'a' ? one.aliases : one.connections).push_back(who);
        hub_.visit(one, [&](connection& c) {
            own(c, [&](const subscription& s) { return s.key == key && s.takes(push.to.destinations); });
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
                return s.what == subscription::kind::own && std::find(keys.begin(), keys.end(), s.key) != keys.end();
            });
        });
    }
}

gateway::share gateway::push_messages(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) {
    std::vector<match> matched;
    match_subscriptions(push, from.mailbox, matched);
    const bool list = from.id >= first_delivery_id;
    if (d != nullptr) {
        d->keys = keys_of(push.to);
        if (!from.everywhere) {
            name_unsubscribed(push.to, matched, d->outcome);
        }
    }
    if (from.kept && matched.empty()) {
        name_not_for_it(push, d);
    } else if (from.mailbox && matched.empty()) {
        for (const auto& name : push.to.subscriptions) {
            if (connection* c = hub_.find(std::string_view(name).substr(1, name.find('\0') - 1))) {
                mailbox_came(*c);  // it will be kept again
            }
        }
    }
    std::optional<stomp_message> message;
    if (push.kind != proto::payload_kind::none && !matched.empty()) {
        message.emplace(push, instance_, ++messages_);
    }
    std::uint32_t given = 0;
    std::vector<connection_ptr> owners;
    for (const match& m : matched) {
        connection& c = *m.to->owner;
        if (owners.empty() || owners.back().get() != &c) {
            owners.emplace_back(&c);
        }
        const std::uint64_t sent_as = dedup::hash(m.to->id) ^ hash;
        if (m.to->joined && !m.to->joining && from.at && from.at <= m.to->joined && !from.mailbox) {
            if (d != nullptr && recalled_.contains(c.id, recall_key(from.at, dedup::hash(m.to->id)))) {
                ++d->outcome.reached;  // by its history
            }
            continue;
        }
        if (had_it(c, push, hash, sent_as, from, d)) {
            continue;
        }
        ++given;
        if (message) {
            deliver_message(*m.to, *message, *m.destination, push, from, sent_as);
        } else if (list) {
            note_end(deliveries_[from.id], c, "delivered", "");
        }
    }
    if (push.close || !push.join.empty() || !push.leave.empty()) {
        std::sort(owners.begin(), owners.end());
        owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
        for (const auto& c : owners) {
            act(*c, push, from);
        }
    }
    return {matched.size(), given};
}

/// Who is named and has not subscribed here any more has gone since the router looked.
void gateway::name_unsubscribed(const proto::addresses& to, const std::vector<match>& matched, delivery_outcome& out) const {
    const auto look = [&](char kind, const std::string& name, const std::string& key) {
        const bool there = std::any_of(matched.begin(), matched.end(), [&](const match& m) {
            const connection& c = *m.to->owner;
            return m.to->key == key && (kind == 'u'   ? c.user == name
                                        : kind == 'a' ? std::find(c.aliases.begin(), c.aliases.end(), name) != c.aliases.end()
                                                      : true);
        });
        if (!there && kind != 'c') {
            out.failed.push_back('q' + proto::subscription_name(kind, name, key));
        }
    };
    for (const auto& s : to.subscriptions) {
        const auto nul = s.find('\0');
        look(s[0], s.substr(1, nul - 1), s.substr(nul + 1));
    }
    if (to.of_broker()) {
        return;
    }
    for (const auto& d : to.destinations) {
        const std::string key = proto::own_destination(d);
        for (const auto& u : to.users) {
            look('u', u, key);
        }
        for (const auto& a : to.aliases) {
            look('a', a, key);
        }
    }
}

void gateway::deliver_message(subscription& s, stomp_message& message, const std::string& destination,
                              const proto::envelope& push, const push_origin& from, std::uint64_t sent_as) {
    connection& c = *s.owner;
    const bool list = from.id >= first_delivery_id;
    const frame_ptr f = message.frame_for(s, c.stomp->version, destination);
    const bool recalls =
        s.joining && s.history > 0 && (!from.mailbox || from.kept);  // then what is behind its history is not known yet
    const bool waits = s.joining && (!from.mailbox || recalls);
    if (list && s.ack != subscription::ack_mode::automatic && !recalls) {
        const std::size_t bytes = f->bytes().size();
        if (c.stomp->at != stomp_client::stage::over && !may_wait_for_ack(c, bytes)) {
            give_up_acks(c, "unacknowledged", "too many messages wait for their ACK: limits.unacknowledged");
        }
        ++deliveries_[from.id].outstanding;
        await_ack(c, s, message.number(), from.id, bytes);
        if (c.stomp->at == stomp_client::stage::over) {
            // Goes back with what waits already: a push that is refused comes again at once while the registry names it here.
        } else if (waits) {
            s.held.push_back({f, tag_unconfirmed, dedup::hash(push.id), from.at});
        } else if (from.mailbox || c.mailbox_due <= 0 || !hold(c, {f, tag_unconfirmed, nullptr, from.at, sent_as}, false)) {
            c.session->send(f, tag_unconfirmed);
        }
    } else if (waits) {
        if (s.held.size() >= held_at_most) {
            lose_message(c, s, from.id, "queue");
            return;
        }
        if (list) {
            ++deliveries_[from.id].outstanding;
        }
        s.held.push_back({f, list ? from.id : tag_channel, dedup::hash(push.id), from.at, message.number(), from.kept});
    } else {
        const std::uint64_t collapse = push.collapse.empty() ? 0 : (dedup::hash(push.collapse) ^ dedup::hash(s.id)) | 1U;
        const auto name = list ? route_name(c, s, c.user, deliveries_[from.id].to.get()) : std::string();
        if (!deliver(c, f, from, sent_as, collapse)) {
            not_held(c, from, sent_as, name);
        }
    }
    c.stomp->sent = timers_.now();
    if (list && s.ack != subscription::ack_mode::automatic) {
        one_came(c, from);  // deliver() has counted the other ones
    }
}

void gateway::lose_message(connection& c, const subscription& s, delivery_id id, const char* reason) {
    if (id < first_delivery_id) {
        metrics_.undelivered.at({reason}) += 1;
        return;
    }
    auto name = route_name(c, s, user_at(c, id), deliveries_[id].to.get());
    if (name.empty()) {
        note_end(deliveries_[id], c, "dropped", reason);
    } else {
        deliveries_[id].outcome.lost.push_back(std::move(name));
    }
}

/// The registry knows of it, and its mailbox is on its way or was empty: what came meanwhile goes behind that.
void gateway::release_joined(subscription& s) {
    connection& c = *s.owner;
    for (const auto& [f, tag, hash, at, number, kept] : std::exchange(s.held, {})) {
        if (c.session == nullptr) {
            continue;  // drop_unconfirmed() had them
        }
        if (c.mailbox_due <= 0) {
            send(c, f, tag);
        } else if (!hold(c, {f, tag, nullptr, at, hash ^ dedup::hash(s.id)}, false)) {
            if (tag >= first_delivery_id) {
                lose_message(c, s, tag, "queue");
                settle(tag);
            } else {
                metrics_.undelivered.at({"queue"}) += 1;
            }
        }
    }
}

/// Where a push that this connection has not confirmed is to go.
std::string gateway::stomp_route_name(const connection& c, const delivery& d, delivery_id id) const {
    for (const auto& s : c.stomp->subscriptions) {
        if (s->what != subscription::kind::app && has(d.keys, *s)) {
            return route_name(c, *s, user_at(c, id), d.to.get());
        }
    }
    return {};
}

// --------------------------------------------------------------------------------------------------------- ACK

/// STOMP 1.2 ACK and NACK; below it they name a message-id. False: it was an error, and the client was told.
bool gateway::stomp_acknowledge(connection& c, const stomp_request& r) {
    stomp_client& s = *c.stomp;
    const bool by_ack = s.version == stomp::version::v1_2;
    const std::string_view id = r.header(by_ack ? "id" : "message-id");
    const std::uint64_t number = message_number(id);
    const bool nack = r.verb == stomp::command::nack;
    if (number == 0 || number > messages_ || (nack && s.version == stomp::version::v1_0)) {
        stomp_fail(c, "bad_ack", std::string(nack ? "NACK" : "ACK") + " names no message", r.header("receipt"));
        return false;
    }
    const auto is = [&](const stomp_client::unacknowledged& u) {
        return u.message == number && (by_ack ? ack_of(number, u.to->id) == id
                                              : r.header("subscription").empty() || u.to->id == r.header("subscription"));
    };
    const auto found = std::find_if(s.unacked.begin(), s.unacked.end(), is);
    if (found == s.unacked.end()) {
        return true;  // a channel's message, which nobody waits for, or acknowledged already
    }
    const subscription* to = found->to;
    const bool cumulative = to->ack == subscription::ack_mode::client;
    std::vector<delivery_id> ended;
    std::erase_if(s.unacked, [&](const auto& u) {
        const bool hit = u.to == to && (u.message == number || (cumulative && u.message < number));
        if (hit) {
            ended.push_back(u.delivery);
            s.unacked_bytes -= u.bytes;
        }
        return hit;
    });
    for (const delivery_id d : ended) {
        nack ? refused(c, *to, d) : acknowledged(c, d);
    }
    return true;
}

void gateway::acknowledged(connection& c, delivery_id id) {
    if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
        const auto now = timers_.now();
        note_end(it->second, c, "delivered", "");
        delivered_list_ += 1;
        metrics_.push_seconds.observe(std::chrono::duration<double>(now - it->second.since).count());
        if (!c.user.empty()) {
            (void)confirmed_.first(c.user, it->second.hash, now);
        }
    }
    settle(id);
}

/// NACK: to the mailbox, or to `rejected`; the router sees to it by the name's kind.
void gateway::refused(connection& c, const subscription& s, delivery_id id) {
    metrics_.undelivered.at({"nacked"}) += 1;
    if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
        auto name = route_name(c, s, user_at(c, id), it->second.to.get());
        if (name.empty()) {
            note_end(it->second, c, "dropped", "nacked");
        } else {
            name[0] = 'n';
            it->second.outcome.lost.push_back(std::move(name));
        }
    }
    settle(id);
}

/// Without an ACK, and none will come: `of` has ended (null: all have).
void gateway::drop_unacknowledged(connection& c, const subscription* of) {
    std::vector<stomp_client::unacknowledged> ended;
    std::erase_if(c.stomp->unacked, [&](const auto& u) {
        const bool hit = of == nullptr || u.to == of;
        if (hit) {
            ended.push_back(u);
            c.stomp->unacked_bytes -= u.bytes;
        }
        return hit;
    });
    for (const auto& u : ended) {
        if (deliveries_.contains(u.delivery)) {
            lose_message(c, *u.to, u.delivery, "connection_gone");
        }
        settle(u.delivery);
    }
}

// ------------------------------------------------------------------------------------------- receipts and errors

void gateway::stomp_out(connection& c, std::string_view bytes) {
    if (c.session != nullptr) {
        c.stomp->sent = timers_.now();
        // The app's words may be in any charset.
        const auto kind = proto::valid_utf8(bytes) ? proto::opcode::text : proto::opcode::binary;
        c.session->send(frame::make(kind, bytes), tag_protocol);
    }
}

void gateway::stomp_receipt(connection& c, std::string_view id) {
    if (!id.empty() && c.stomp->at != stomp_client::stage::over) {
        stomp_out(c, stomp::receipt(c.stomp->version, id));
    }
}

/// ERROR and the close (STOMP 1.2 "ERROR": the server must close the connection just after it).
void gateway::stomp_fail(connection& c, const char* reason, const std::string& text, std::string_view receipt,
                         std::uint16_t code) {
    if (c.stomp->at == stomp_client::stage::over || c.session == nullptr) {
        return;
    }
    metrics_.stomp_errors.at({reason}) += 1;
    metrics_.hit(reason);
    log::limited(log::level::info, "stomp", "a client's connection ends with an ERROR",
                 {{"reason", reason}, {"connection", c.id}, {"user", c.user}, {"path", c.path()}});
    stomp_out(c, stomp::error(c.stomp->version, text, receipt));
    c.stomp->at = stomp_client::stage::over;
    c.stomp->timer.reset();
    c.stomp->drop_unfinished();
    close(c, code, "STOMP error");
}

// -------------------------------------------------------------------------------------------------- heart-beats

/// STOMP 1.2 "Heart-beating". One timer for both ways: the next beat of ours, or the end of patience with the client's.
void gateway::stomp_beat(connection& c) {
    stomp_client& s = *c.stomp;
    const auto now = timers_.now();
    auto next = timer_port::clock::time_point::max();
    if (s.beats.expect > 0ms) {
        if ((c.inbound && c.inbound->reading_paused) || (s.due != timer_port::clock::time_point{} && now - s.due > 1s)) {
            s.heard = now;  // it is not the client that is silent: we do not read, or stood still
        }
        const auto patience = stomp::silent_intervals * s.beats.expect;
        if (now - s.heard >= patience) {
            stomp_fail(c, "silent", "no heart-beat for " + std::to_string(patience.count()) + " ms");
            return;
        }
        next = s.heard + patience;
    }
    if (s.beats.send > 0ms) {
        // A little early: timers are coarse, and the way takes its time.
        const auto every = s.beats.send - s.beats.send / 10;
        if (now - s.sent >= every) {
            stomp_out(c, stomp::heart_beat_bytes);
        }
        next = std::min(next, s.sent + every);
    }
    if (next != timer_port::clock::time_point::max()) {
        s.due = next;
        s.timer = timers_.after(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(next - now)),
                                [this, it = &c] { stomp_beat(*it); });
    }
}

/// The socket is gone.
void gateway::stomp_closed(connection& c) {
    stomp_client& s = *c.stomp;
    s.timer.reset();
    s.at = stomp_client::stage::over;
    s.drop_unfinished();
    if (!s.established) {
        c.end_reason = "not_established";
    }
    if (s.parted && c.close_code == 1006) {
        c.close_code = 1000;  // it had said good-bye before its socket went
    }
    for (const auto& one : s.subscriptions) {
        subscriptions_.leave(*one);
    }
    s.subscriptions.clear();
    s.joining = 0;
    s.patterns = 0;
    s.registry = {};
    s.ack_timer.reset();
    s.turn.reset();
    stomp_go_on(connection_ptr(&c));  // what it sent before its end takes its turn
    metrics_.stomp_subscriptions.value() = static_cast<double>(subscriptions_.size());
}

}  // namespace wsidecar::core
