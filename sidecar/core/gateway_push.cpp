// gateway: pushes from Redis to the connections held here.

#include <algorithm>
#include <utility>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

/// Frames that wait for one connection's 101, or for its mailbox.
constexpr std::size_t held_at_most = 1024;
/// Places for unconfirmed pushes that a connection keeps when it has none.
constexpr std::size_t worth_keeping = 8;
/// How long live pushes wait for the mailbox before them. It is in Redis already: this is for a Redis that went away.
constexpr auto mailbox_patience = 5s;

bool expired(const proto::envelope& push, std::chrono::system_clock::time_point now) {
    return push.ttl && push.time && now > *push.time + std::chrono::duration<double>(*push.ttl);
}

/// The same word, from static storage.
std::string_view known_word(std::string_view word) {
    for (const std::string_view w : {"stored", "dropped", "no_connection", "expired", "rejected", "age", "grace", "ttl",
                                     "overloaded", "connection_gone", "attempts", "nacked", "bad_receipt"}) {
        if (w == word) {
            return w;
        }
    }
    return word.empty() ? std::string_view() : "other";
}

template <class Names>
bool contains(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Under which name a push finds this connection's user again; empty: none.
std::string route_name(const connection& c) {
    if (!c.user.empty()) {
        return 'u' + c.user;
    }
    return c.aliases.empty() ? std::string() : 'a' + c.aliases.front();
}

}  // namespace

void gateway::on_push(const proto::envelope& push, const push_origin& from) {
    const bool list = from.id >= first_delivery_id;
    (list && (from.id & of_channel) == 0 ? pushed_list_ : pushed_channel_) += 1;
    span_ptr span = spans_.on() ? trace_push(push, from) : nullptr;
    delivery* d = nullptr;
    if (list) {
        d = &deliveries_[from.id];
        d->outstanding = 1;  // our own hold, so that nothing settles while we are still at it
        d->receipt = from.receipt;
        d->each = from.each;
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
        metrics_.undelivered.at({"expired"}) += 1;
        if (span) {
            end_push_span(std::move(span), 0, "expired");
        }
        noted.outcome = "expired";
        if (d != nullptr) {
            d->outcome.expired = true;
            settle(from.id);
        }
        return;
    }
    const std::uint64_t hash = dedup::hash(push.id);
    if (d != nullptr) {
        d->hash = hash;
    }
    const bool plain = push.to.destinations.empty() && push.to.subscriptions.empty();
    const share found = plain ? push_plain(push, from, hash, d) : push_messages(push, from, hash, d);
    if (list) {
        settle(from.id);
        return;
    }
    noted.connections = found.given;
    noted.outcome = found.given > 0 ? "sent" : "not_here";
    if (span && found.matched > 0) {  // else others have whom it is for, or nobody
        end_push_span(std::move(span), found.matched, nullptr);
    }
}

/// One line for all its connections: cheap beside what one of them costs.
recent_push& gateway::note_push(const proto::envelope& push, const push_origin& from,
                                std::chrono::system_clock::time_point now) {
    const bool list = from.id >= first_delivery_id;
    recent_push& p = list || !push.id.empty() ? recent_.pushes.next() : recent_.unnamed_pushes.next();
    p.time = now;
    p.id = push.id;
    p.door = list && (from.id & of_channel) == 0 ? "list" : "channel";
    write_names(push.to, p.to);
    write_names(push.except, p.except);
    p.outcome = "under_way";
    p.reason = {};
    p.connection.clear();
    p.connections = 0;
    p.seconds = 0;
    return p;
}

void gateway::on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
    recent_push& p = recent_.pushes.next();
    p.time = timers_.wall();
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

gateway::share gateway::push_plain(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) {
    if (d != nullptr && !from.everywhere) {
        name_absent(push.to, d->outcome);
    }
    const bool message = push.kind != proto::payload_kind::none;
    const auto op = push.kind == proto::payload_kind::text ? proto::opcode::text : proto::opcode::binary;
    const std::uint64_t collapse = push.collapse.empty() ? 0 : dedup::hash(push.collapse) | 1U;
    frame_ptr encoded;
    share found;
    const auto give = [&](connection& c) {
        ++found.matched;
        if (c.stomp && message) {
            not_for_stomp(c, from);
        } else if (had_it(c, push, hash, hash, from, d)) {
            return;
        } else if (message) {
            if (!encoded) {
                encoded = frame::make(op, push.payload);
            }
            if (!deliver(c, encoded, from, collapse)) {
                not_held(c, from, hash, route_name(c));
            }
            ++found.given;
        } else {
            ++found.given;
            if (d != nullptr) {
                note_end(deliveries_[from.id], c, "delivered", "");
            }
        }
        act(c, push);
    };
    if (push.join.empty() && push.leave.empty() && !push.close) {
        hub_.match(push.to, push.except, give);
        return found;
    }
    // Joining, leaving and closing change the hub: collect first.
    std::vector<connection_ptr> matched;
    hub_.match(push.to, push.except, [&](connection& c) { matched.emplace_back(&c); });
    for (const auto& c : matched) {
        give(*c);
    }
    return found;
}

/// A STOMP client takes what it has subscribed to, and this names no destination.
void gateway::not_for_stomp(connection& c, const push_origin& from) {
    metrics_.undelivered.at({"no_destination"}) += 1;
    if (from.id >= first_delivery_id) {
        note_end(deliveries_[from.id], c, "dropped", "no_destination");
    }
    if (from.mailbox) {
        mailbox_came(c);
    }
}

/// Who is named and not here has gone since the router looked: the push is routed again.
void gateway::name_absent(const proto::addresses& to, delivery_outcome& out) const {
    for (const auto& u : to.users) {
        if (!hub_.has_user(u)) {
            out.lost.push_back('u' + u);
        }
    }
    for (const auto& a : to.aliases) {
        if (!hub_.has_alias(a)) {
            out.lost.push_back('a' + a);
        }
    }
}

bool gateway::had_it(connection& c, const proto::envelope& push, std::uint64_t hash, std::uint64_t sent_as,
                     const push_origin& from, delivery* d) {
    if (push.id.empty()) {
        return false;
    }
    const bool by_user = from.again && !c.user.empty() && confirmed_.contains(c.user, hash);
    if (!by_user && sent_.first(c.id, sent_as, timers_.now())) {
        return false;
    }
    if (from.again) {
        if (d != nullptr) {
            ++d->outcome.reached;  // that is why it came again: somebody else had not
        }
    } else {
        metrics_.undelivered.at({"duplicate"}) += 1;
        if (d != nullptr) {
            ++d->outcome.duplicates;
        }
    }
    if (from.mailbox) {
        mailbox_came(c);
    }
    return true;
}

bool gateway::deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t collapse) {
    const bool list = from.id >= first_delivery_id;
    const std::uint64_t tag = list ? from.id : tag_channel;
    const bool now = c.session != nullptr && (c.mailbox_due <= 0 || from.mailbox);
    if (!now && !hold(c, f, tag, from.mailbox)) {
        return false;
    }
    if (list) {
        ++deliveries_[from.id].outstanding;
    }
    if (now) {
        send(c, f, tag, collapse);
    }
    if (from.mailbox) {
        mailbox_came(c);
    }
    return true;
}

/// What waits for a connection to open, or for its mailbox, is bounded. `name`: under which a list push is routed again.
void gateway::not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name) {
    if (from.id < first_delivery_id) {
        metrics_.undelivered.at({"queue"}) += 1;
        return;
    }
    sent_.forget(c.id, sent_as);
    name.empty() ? note_end(deliveries_[from.id], c, "dropped", "queue") : deliveries_[from.id].outcome.lost.push_back(name);
}

void gateway::send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse) {
    if (tag >= first_delivery_id) {
        c.unconfirmed.push_back(tag);
    }
    c.session->send(f, tag, collapse);
}

// ------------------------------------------------------------------------------------ before live pushes

bool gateway::hold(connection& c, const frame_ptr& f, std::uint64_t tag, bool mailbox) {
    if (!c.early) {
        c.early = std::make_unique<connection::waiting_frames>();
    }
    auto& where = mailbox ? c.early->first : c.early->live;
    if (!mailbox && where.size() >= held_at_most) {
        return false;
    }
    where.emplace_back(f, tag);
    return true;
}

void gateway::mailbox_came(connection& c) {
    if (--c.mailbox_due == 0) {
        release_held(c);
    }
}

/// Sends what waited for the 101, and, once the mailbox has come, what waited for that.
void gateway::release_held(connection& c) {
    if (c.session == nullptr || !c.early) {
        return;
    }
    auto early = std::move(c.early);
    for (const auto& [f, tag] : early->first) {
        send(c, f, tag);
    }
    if (c.mailbox_due > 0) {
        early->first.clear();
        c.early = std::move(early);
        return;
    }
    for (const auto& [f, tag] : early->live) {
        send(c, f, tag);
    }
}

/// The registry's word. It comes on another link than the pushes do, often behind them.
void gateway::expect_mailbox(const connection_ptr& c, std::uint32_t count) {
    c->mailbox_due = std::max(c->mailbox_due + static_cast<std::int32_t>(count), 0);
    if (count == 0 || c->mailbox_due == 0) {
        return;
    }
    if (!c->early) {
        c->early = std::make_unique<connection::waiting_frames>();
    }
    c->early->patience = timers_.after(mailbox_patience, [this, it = c.get()] {
        const connection_ptr keep(it);  // it holds this timer
        it->mailbox_due = 0;
        release_held(*it);
    });
}

// ---------------------------------------------------------------------------------------------- settling

void gateway::confirmed(connection& c, std::uint64_t tag) {
    auto& waiting = c.unconfirmed;
    // What another word confirms waits for that.
    const auto other = [tag](delivery_id id) { return ((id ^ tag) & confirm_by_pong) != 0; };
    // The one that the word is for may have been left out meanwhile: what was sent before it has arrived all the same.
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
        if (const auto it = deliveries_.find(*id); it != deliveries_.end()) {
            note_end(it->second, c, "delivered", "");
            ((*id & of_channel) != 0 ? delivered_channel_ : delivered_list_) += 1;
            metrics_.push_seconds.observe(std::chrono::duration<double>(now - it->second.since).count());
            if (!c.user.empty()) {
                (void)confirmed_.first(c.user, it->second.hash, now);
            }
        }
        settle(*id);
    }
    waiting.erase(std::remove_if(waiting.begin(), last + 1, [&](delivery_id id) { return !other(id); }), last + 1);
    if (waiting.empty() && waiting.capacity() > worth_keeping) {
        waiting.shrink_to_fit();
    }
}

void gateway::not_sent(connection& c, std::uint64_t tag, const char* reason) {
    metrics_.undelivered.at({reason}) += 1;
    metrics_.hit(reason);
    if (tag < first_delivery_id || std::erase(c.unconfirmed, tag) == 0) {
        return;
    }
    if (const auto it = deliveries_.find(tag); it != deliveries_.end()) {
        note_end(it->second, c, "dropped", reason);
    }
    settle(tag);
}

void gateway::note_end(delivery& d, const connection& c, const char* outcome, const char* reason) {
    const bool delivered = *reason == '\0';
    if (delivered && d.outcome.reached == 0) {
        if (d.receipt) {
            d.outcome.connection = c.id;
        }
        if (auto* noted = recent_.pushes.at(d.noted)) {
            noted->connection = c.id;
        }
    }
    ++(delivered ? d.outcome.reached : d.outcome.dropped);
    d.outcome.why_dropped = delivered ? d.outcome.why_dropped : reason;
    if (d.each) {
        d.outcome.each.push_back({c.id, c.user, outcome, reason});
    }
}

void gateway::settle(delivery_id id) {
    const auto it = deliveries_.find(id);
    if (it != deliveries_.end() && --it->second.outstanding == 0) {
        note_settled(it->second);
        delivery_outcome outcome = std::move(it->second.outcome);
        if (it->second.span) {
            const bool had = outcome.reached + outcome.duplicates > 0;
            end_push_span(std::move(it->second.span), outcome.reached,
                          had               ? nullptr
                          : outcome.expired ? "expired"
                          : outcome.dropped ? outcome.why_dropped
                                            : "no_connection");  // routed again, or for nobody
        }
        deliveries_.erase(it);
        bus_.settled(id, std::move(outcome));
    }
}

/// As redis/inbox decides about the receipt.
void gateway::note_settled(const delivery& d) {
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
    } else if (!o.lost.empty()) {
        p->outcome = "routed_again";
        p->reason = o.lost.front()[0] == 'n' ? "nacked" : "connection_gone";
    } else if (o.expired) {
        p->outcome = "expired";
    } else if (o.duplicates > 0 || o.dropped > 0) {
        p->outcome = "dropped";
        p->reason = o.duplicates > 0 ? "duplicate" : o.why_dropped;
    } else {
        p->outcome = d.everywhere ? "not_here" : "no_connection";
    }
}

void gateway::drop_unconfirmed(connection& c) {
    std::vector<delivery_id> left = std::exchange(c.unconfirmed, {});
    if (const auto early = std::move(c.early)) {
        for (const auto* frames : {&early->first, &early->live}) {
            for (const auto& [f, tag] : *frames) {
                if (tag >= first_delivery_id) {
                    left.push_back(tag);
                } else if (tag <= tag_channel) {
                    metrics_.undelivered.at({"connection_gone"}) += 1;
                }
            }
        }
    }
    if (c.stomp) {
        for (const auto& s : c.stomp->subscriptions) {
            for (const auto& [f, tag] : s->held) {
                if (tag >= first_delivery_id) {
                    left.push_back(tag);
                } else if (tag == tag_channel) {
                    metrics_.undelivered.at({"connection_gone"}) += 1;
                }
            }
        }
        drop_unacknowledged(c, nullptr);
    }
    const auto plain = route_name(c);
    for (const delivery_id id : left) {
        if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
            auto name = c.stomp ? stomp_route_name(c, it->second) : plain;
            if (!name.empty() && c.keeps) {
                name.insert(name.begin(), 'k');
            }
            auto& lost = it->second.outcome.lost;
            if (name.empty()) {
                metrics_.undelivered.at({"connection_gone"}) += 1;
                note_end(it->second, c, "dropped", "connection_gone");
            } else if (!contains(lost, name)) {
                lost.push_back(name);
            }
        }
        settle(id);
    }
}

void gateway::act(connection& c, const proto::envelope& push) {
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
        reenroll(c);
    }
    if (push.close) {
        close(c, push.close->code, push.close->reason);
    }
}

void gateway::on_fenced() {
    std::vector<connection_ptr> all;
    hub_.for_each([&](connection& c) { all.emplace_back(&c); });
    log::warn("registry", "a survivor took this instance over while it was away: its connections are closed",
              {{"connections", all.size()}, {"instance", instance_}});
    for (const auto& c : all) {
        c->fenced = true;
        close(*c, 1012, "service restart");
    }
}

void gateway::on_gap() {
    if (config_.on_gap != "close") {
        return;
    }
    std::vector<connection_ptr> all;
    hub_.for_each([&](connection& c) { all.emplace_back(&c); });
    for (const auto& c : all) {
        close(*c, 4010, "messages may have been missed");
    }
}

std::vector<registration> gateway::enrolled() const {
    std::vector<registration> all;
    all.reserve(hub_.size());
    hub_.for_each([&](connection& c) { all.push_back(registration_of(c)); });
    return all;
}

}  // namespace wsidecar::core
