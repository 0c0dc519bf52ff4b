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
    for (const std::string_view w :
         {"stored", "dropped", "no_connection", "expired", "rejected", "age", "grace", "ttl", "overloaded", "connection_gone",
          "attempts", "nacked", "bad_receipt", "routed", "parked", "registering"}) {
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

/// Without the bits that say how it is confirmed: these grow.
delivery_id number_of(delivery_id id) {
    return id & ~(confirm_by_pong | of_channel);
}

bool has_one_of(const std::vector<std::string>& names, const std::vector<std::string>& of) {
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& n) { return std::find(of.begin(), of.end(), n) != of.end(); });
}

bool is_excepted(const connection& c, const proto::addresses& except) {
    if (!except.routes.empty() && !c.is_on(except.routes)) {
        return false;
    }
    return except.all ||
           (!c.user.empty() && std::find(except.users.begin(), except.users.end(), c.user) != except.users.end()) ||
           std::find(except.connections.begin(), except.connections.end(), c.id) != except.connections.end() ||
           has_one_of(c.aliases, except.aliases) || has_one_of(c.groups, except.groups);
}

/// Whether it is for one name of a kind that redelivery knows by that name.
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
        departed_.name_missed(push.to, push.except, from.routed, timers_.now(), d->outcome.lost);
    }
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

void gateway::on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
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

gateway::share gateway::push_plain(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) {
    if (d != nullptr && !from.everywhere) {
        name_absent(push.to, d->outcome);
    }
    const bool message = push.kind != proto::payload_kind::none;
    const auto op = push.kind == proto::payload_kind::text ? proto::opcode::text : proto::opcode::binary;
    const std::uint64_t collapse = push.collapse.empty() ? 0 : dedup::hash(push.collapse) | 1U;
    const proto::addresses* except = push.except.empty() ? nullptr : &push.except;
    frame_ptr encoded;
    share found;
    const auto give = [&](connection& c) {
        ++found.matched;
        if (c.stomp && message) {
            not_for_stomp(c, from);
        } else if (c.recalled && is_recalled(c, push.to, from)) {
            if (d != nullptr && recalled_.contains(c.id, recall_key(from.at, 0))) {
                ++d->outcome.reached;  // by its history
            }
        } else if (had_it(c, push, hash, hash, from, d)) {
            return;
        } else if (message) {
            if (!encoded) {
                encoded = frame::make(op, push.payload);
            }
            if (!deliver(c, encoded, from, collapse, except)) {
                not_held(c, from, hash, d != nullptr ? name_of(c, *d, from.id) : std::string());
            }
            ++found.given;
        } else {
            ++found.given;
            if (d != nullptr) {
                note_end(deliveries_[from.id], c, "delivered", "");
            }
        }
    };
    if (d != nullptr && from.again && !push.except.empty()) {
        name_excepted(push, d->outcome);
    }
    if (push.join.empty() && push.leave.empty() && !push.close) {
        hub_.match(push.to, push.except, give);
        if (from.kept && found.matched == 0) {
            name_not_for_it(push, d);
        } else if (push.to.members_only && found.matched == 0) {
            name_no_member(push.to, from, d);
        }
        return found;
    }
    // Joining, leaving and closing change the hub: collect first.
    std::vector<connection_ptr> matched;
    hub_.match(push.to, push.except, [&](connection& c) { matched.emplace_back(&c); });
    for (const auto& c : matched) {
        give(*c);
        act(*c, push, from);
    }
    if (from.kept && matched.empty()) {
        name_not_for_it(push, d);
    }
    return found;
}

/// A STOMP client takes what it has subscribed to, and this names no destination.
void gateway::not_for_stomp(connection& c, const push_origin& from) {
    metrics_.undelivered.at({"no_destination"}) += 1;
    if (from.id >= first_delivery_id) {
        note_end(deliveries_[from.id], c, "dropped", "no_destination");
    }
    one_came(c, from);
}

/// Who is named and not here has gone since the router looked: the push is routed again.
void gateway::name_absent(const proto::addresses& to, delivery_outcome& out) const {
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
            out.failed.push_back('u' + u);
        }
    }
    for (const auto& a : to.aliases) {
        if (!(!any_route        ? on_route(&proto::addresses::aliases, a)
              : to.members_only ? hub_.has_aliases(a)
                                : hub_.has_alias(a))) {
            out.failed.push_back((to.members_only ? 'm' : 'a') + a);
        }
    }
}

/// Who has these aliases here does not belong to the push's groups (any more, or yet): it waits, as it would if nobody were here.
void gateway::name_no_member(const proto::addresses& to, const push_origin& from, delivery* d) {
    for (const auto& id : to.connections) {
        connection* c = hub_.find(id);
        if (c != nullptr && from.mailbox) {
            mailbox_came(*c);
        }
    }
    for (const auto& a : to.aliases) {
        if (d != nullptr && hub_.has_aliases(a)) {
            d->outcome.lost.push_back("xm" + a);
        }
    }
}

/// A push that comes again finds only connections that it excepts: it waits for another one, as it would if nobody were here.
void gateway::name_excepted(const proto::envelope& push, delivery_outcome& out) {
    const auto look = [&](char kind, const std::vector<std::string>& names, std::vector<std::string> proto::addresses::*list) {
        for (const auto& name : names) {
            proto::addresses one;
            (one.*list).push_back(name);
            one.routes = push.to.routes;
            bool here = false;
            bool takes = false;
            hub_.visit(one, [&](connection&) { here = true; });
            hub_.match(one, push.except, [&](connection&) { takes = true; });
            if (here && !takes) {
                out.lost.push_back(std::string("x") + kind + name);
            }
        }
    };
    look('u', push.to.users, &proto::addresses::users);
    look('a', push.to.aliases, &proto::addresses::aliases);
}

bool gateway::had_it(connection& c, const proto::envelope& push, std::uint64_t hash, std::uint64_t sent_as,
                     const push_origin& from, delivery* d) {
    if (push.id.empty()) {
        return false;
    }
    const bool by_user = from.again && !c.user.empty() && confirmed_.contains(c.user, hash);
    if (from.at && recalled_.size() > 0 && recalled_.contains(c.id, recall_key(from.at, sent_as ^ hash))) {
        if (d != nullptr) {
            ++d->outcome.reached;  // by its history
        }
        if (from.mailbox) {
            mailbox_came(c);
        }
        return true;
    }
    if (!by_user && sent_.first(c.id, sent_as, timers_.now())) {
        return false;
    }
    if (from.again && d != nullptr && !by_user && share_fate(c, hash, from.id)) {
        // It is on its way to this connection already: what becomes of that copy becomes of this delivery.
    } else if (from.again) {
        if (d != nullptr) {
            ++d->outcome.reached;  // that is why it came again: somebody else had not
        }
    } else {
        metrics_.undelivered.at({"duplicate"}) += 1;
        if (d != nullptr) {
            ++d->outcome.duplicates;
        }
    }
    one_came(c, from);
    return true;
}

bool gateway::deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t collapse,
                      const proto::addresses* except) {
    const bool list = from.id >= first_delivery_id;
    const std::uint64_t tag = list ? from.id : tag_channel;
    const bool now = c.session != nullptr && ((c.mailbox_due <= 0 && !c.recalling) || from.mailbox);
    if (!now && !hold(c, f, tag, from.mailbox, except, from.at)) {
        return false;
    }
    if (list) {
        ++deliveries_[from.id].outstanding;
    }
    if (now) {
        send(c, f, tag, collapse, from.at);
    }
    if (from.mailbox) {
        one_came(c, from);
    }
    return true;
}

/// What waits for a connection to open, or for its mailbox, is bounded. `name`: under which a list push is routed again.
void gateway::not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name,
                       const char* reason) {
    if (from.id < first_delivery_id) {
        metrics_.undelivered.at({reason}) += 1;
        return;
    }
    sent_.forget(c.id, sent_as);
    name.empty() ? note_end(deliveries_[from.id], c, "dropped", reason) : deliveries_[from.id].outcome.lost.push_back(name);
}

void gateway::send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse, place at) {
    if (tag >= first_delivery_id) {
        c.unconfirmed.push_back(tag);
    }
    c.route->sse ? c.session->send_at(f, tag, collapse, at) : c.session->send(f, tag, collapse);
}

// ------------------------------------------------------------------------------------ before live pushes

bool gateway::hold(connection& c, const frame_ptr& f, std::uint64_t tag, bool mailbox, const proto::addresses* except,
                   place at) {
    if (!c.early) {
        c.early = std::make_unique<connection::waiting_frames>();
    }
    auto& where = mailbox ? c.early->first : c.early->live;
    if (!mailbox && where.size() >= held_at_most + c.early->recalled) {
        return false;
    }
    where.push_back({f, tag, except != nullptr ? std::make_shared<proto::addresses>(*except) : nullptr, at});
    return true;
}

void gateway::one_came(connection& c, const push_origin& from) {
    if (from.mailbox && !from.kept) {
        mailbox_came(c);
    }
}

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
    if (d != nullptr && here) {
        d->outcome.not_for_it = true;
        d->outcome.failed.clear();
    }
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
    const auto release = [&](const std::vector<connection::waiting_frames::held>& frames) {
        for (const auto& h : frames) {
            if (h.except && is_excepted(c, *h.except)) {
                settle(h.tag);  // it was matched before it had its names
            } else {
                send(c, h.frame, h.tag, 0, h.at);
            }
        }
    };
    release(early->first);
    if (c.mailbox_due > 0 || c.recalling) {
        early->first.clear();
        c.early = std::move(early);
        return;
    }
    if (!early->missing.empty()) {
        c.session->tell_gap(early->missing);
    }
    release(early->live);
    if (early->came_to) {
        c.session->came_to(early->came_to);
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

void gateway::not_sent(connection& c, std::uint64_t tag, const char* reason) {
    metrics_.undelivered.at({reason}) += 1;
    metrics_.hit(reason);
    if (tag < first_delivery_id || std::erase(c.unconfirmed, tag) == 0) {
        return;
    }
    if (const auto it = deliveries_.find(tag); it != deliveries_.end()) {
        note_end(it->second, c, "dropped", reason);
    }
    if (!sharing_.empty()) {
        pass_on(c, tag, end_of_copy::dropped, reason);
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
    } else if (!o.lost.empty() || !o.failed.empty()) {
        p->outcome = "routed_again";
        p->reason = !o.lost.empty() && o.lost.front()[0] == 'n' ? "nacked" : "connection_gone";
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
            for (const auto& [f, tag, except, at] : *frames) {
                if (except && is_excepted(c, *except)) {
                    settle(tag);
                } else if (tag >= first_delivery_id) {
                    left.push_back(tag);
                } else if (tag <= tag_channel) {
                    metrics_.undelivered.at({"connection_gone"}) += 1;
                }
            }
        }
    }
    if (c.stomp) {
        for (const auto& s : c.stomp->subscriptions) {
            for (const auto& [f, tag, hash, at, number] : s->held) {
                if (tag >= first_delivery_id) {
                    left.push_back(tag);
                } else if (tag == tag_channel) {
                    metrics_.undelivered.at({"connection_gone"}) += 1;
                }
            }
        }
        drop_unacknowledged(c, nullptr);
    }
    for (const delivery_id id : left) {
        if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
            auto name = it->second.closes ? std::string()  // it was for this connection, and not for the next of its user
                        : c.stomp         ? stomp_route_name(c, it->second, id)
                                          : name_of(c, it->second, id);
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
        if (!sharing_.empty()) {
            pass_on(c, id, end_of_copy::lost);
        }
        settle(id);
    }
    former_users_.erase(&c);
    sharing_.erase(&c);
}

/// Who a connection was when it was given this push.
const std::string& gateway::user_at(const connection& c, delivery_id id) const {
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

/// Its user is about to change: what it has not confirmed is the old one's.
void gateway::remember_user(const connection& c) {
    delivery_id last = 0;
    for (const delivery_id id : c.unconfirmed) {
        last = std::max(last, number_of(id));
    }
    if (c.early) {
        for (const auto* frames : {&c.early->first, &c.early->live}) {
            for (const auto& [f, tag, except, at] : *frames) {
                last = std::max(last, number_of(tag));
            }
        }
    }
    if (last > 0) {
        former_users_[&c].emplace_back(last, c.user);
    }
}

/// Under which name a push that this connection has not confirmed goes again: the one by which it matched. A push for one connection is its user's
/// at most; as one of a group, or of all, a connection is known by its user, or else by all of its aliases. Empty: nobody's.
std::string gateway::name_of(const connection& c, const delivery& d, delivery_id id) const {
    const std::string& user = user_at(c, id);
    const auto of_user = [&] { return user.empty() ? std::string() : 'u' + user; };
    if (d.to == nullptr) {
        return d.claimed && user.empty() && !c.aliases.empty() ? 'a' + c.aliases.front() : of_user();
    }
    const proto::addresses& to = *d.to;
    if (!user.empty() && contains(to.users, user)) {
        return 'u' + user;
    }
    for (const auto& a : c.aliases) {
        if (!to.members_only && contains(to.aliases, a)) {
            return 'a' + a;
        }
    }
    if (!user.empty() || c.aliases.empty()) {
        return of_user();
    }
    const bool member = std::any_of(c.groups.begin(), c.groups.end(), [&](const auto& g) { return contains(to.groups, g); });
    return to.all || to.members_only || member ? 'm' + proto::joined_aliases(c.aliases) : std::string();
}

/// True: a copy of this push is on its way to the connection, and `id` waits for what becomes of it.
bool gateway::share_fate(connection& c, std::uint64_t hash, delivery_id id) {
    for (const delivery_id copy : c.unconfirmed) {
        const auto it = deliveries_.find(copy);
        if (it != deliveries_.end() && it->second.hash == hash && copy != id) {
            sharing_[&c].emplace_back(copy, id);
            ++deliveries_[id].outstanding;
            return true;
        }
    }
    return false;
}

void gateway::pass_on(connection& c, delivery_id copy, end_of_copy how, const char* reason) {
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
        if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
            delivery& d = it->second;
            if (how == end_of_copy::delivered) {
                note_end(d, c, "delivered", "");
            } else if (how == end_of_copy::dropped) {
                note_end(d, c, "dropped", reason);
            } else if (const auto name = name_of(c, d, id); name.empty()) {
                note_end(d, c, "dropped", "connection_gone");
            } else {
                d.outcome.lost.push_back(name);
            }
        }
        settle(id);
    }
}

/// `from`: a push that comes again, or from a mailbox without having asked for one, was meant to close a connection that is older than this one.
void gateway::act(connection& c, const proto::envelope& push, const push_origin& from) {
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
    if (push.close && !from.again && !from.kept && (!from.mailbox || push.mailbox)) {
        close(c, push.close->code, push.close->reason);
    }
}

void gateway::on_fenced() {
    std::vector<connection_ptr> all;
    hub_.for_each([&](connection& c) { all.emplace_back(&c); });
    log::warn("registry", "a survivor took this instance over while it was away: its connections are closed",
              {{"connections", all.size()}, {"instance", instance_}});
    for (const auto& c : all) {
        const registered was = std::exchange(c->in_registry, registered::no);
        c->fenced = was == registered::yes;
        if (was != registered::no) {
            close(*c, 1012, "service restart");
        }
    }
}

bool gateway::holds(const std::string& connection) const {
    return hub_.find(connection) != nullptr || endings_.contains(connection);
}

void gateway::on_registered(const std::string& connection, registered there) {
    // What was once there, a later refusal does not take away.
    if (auto* c = hub_.find(connection); c != nullptr && c->in_registry != registered::yes) {
        c->in_registry = there;
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
