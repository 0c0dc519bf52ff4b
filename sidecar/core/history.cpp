#include "sidecar/core/history.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/target.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/handshake.hpp"
#include "sidecar/core/history_merge.hpp"
#include "sidecar/core/history_reads.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::core {
namespace {

/// How many names' histories one connection gets.
constexpr std::size_t names_at_most = 100;

std::uint64_t hash_of(place at) {
    std::uint64_t h = at.ms * 0x9E3779B97F4A7C15ULL ^ at.seq;
    h ^= h >> 32U;
    return h * 0xBF58476D1CE4E5B9ULL;
}

}  // namespace

history::history(context& x, history_reads& reads, core::deliveries& deliveries, core::backlog& backlog)
    : context_(x),
      metrics_(x.metrics),
      bus_(x.bus),
      timers_(x.timers),
      sent_(x.sent),
      recalled_(x.recalled),
      reads_(reads),
      deliveries_(deliveries),
      backlog_(backlog) {}

std::uint64_t recall_key(place at, std::uint64_t subscription) {
    return hash_of(at) ^ subscription;
}

std::string reader_of(const connection& c, std::string_view address) {
    std::string who = !c.user.empty() ? "user " : !address.empty() ? "address " : "connection ";
    return who.append(!c.user.empty() ? c.user : !address.empty() ? address : c.id);
}

std::chrono::duration<double> history_cost(const history_answer& a, std::size_t names) {
    std::size_t units = 10 * names;
    for (const auto& k : a.pushes) {
        units += 1 + k.push.payload.size() / 1024;
    }
    return std::chrono::duration<double>(static_cast<double>(units) / 5'000);
}

void note_history_problem(metrics& m, const connection& c, const char* problem) {
    m.history_problems.at({problem}) += 1;
    log::limited(log::level::info, "history", "a history could not be sent as requested",
                 {{"reason", problem}, {"connection", c.id}, {"user", c.user}, {"path", c.path()}});
}

/// Server-sent events: Last-Event-ID is the place of the last event that the client had.
void history::wish_as_stream(connection& c, const handshake& h) {
    c.wish = std::make_shared<history_wish>();
    c.wish->stream = true;
    c.recalling = true;
    if (h.last_event_id) {
        c.wish->after = read_position(*h.last_event_id, context_.config.shards > 1);
        c.wish->lost = !c.wish->after;
        if (c.wish->lost) {
            note_problem(c, "malformed_id");
        }
    }
}

/// Ws-History: the histories of groups that the connection joins with this answer. Called before it joins them, because live pushes
/// have to wait from then on.
void history::wish_for(connection& c, proto::app_reply& r) {
    for (const auto& [group, count] : r.history) {
        const bool opening = c.at == connection::phase::connecting;
        const bool joins = group.empty() ? opening
                                         : (contains(r.join, group) && (opening || !contains(c.groups, group))) ||
                                               (opening && contains(c.groups, group) && !contains(r.leave, group));
        if (!joins || c.subscribes) {
            r.problems.push_back(
                {"bad_history", "Ws-History is for groups that a connection without STOMP joins with this answer"});
            continue;
        }
        if (!c.wish) {
            c.wish = std::make_shared<history_wish>();
        }
        c.recalling = true;
        c.wish->names.push_back({group.empty() ? proto::target_all() : proto::target(proto::target_kind::group, group), count});
    }
}

/// Asks where the outbox stands, on the same link to Redis and before the registration: what was pushed before comes from the history
/// alone.
void history::mark_before(const connection_ptr& c) {
    if (c->recalling && c->wish && !c->wish->after) {
        history_question q;
        for (const auto& n : c->wish->names) {
            q.names.push_back({n.target, 0});
        }
        bus_.recall(std::move(q), [wish = c->wish](const history_answer& a) { wish->joined = a.now; });
    }
}

/// Whether the connection gets this push from its histories: it is addressed by no other name than those that were asked about. What
/// is routed again is for a member that was connected before, and may be older than the request or not be in the history.
bool history::is_recalled(connection& c, const proto::addresses& to, const push_origin& from) const {
    if (from.again && !from.mailbox) {
        return recalled_.contains(c.id, recall_key(from.at, 0));
    }
    if (!from.at || from.mailbox || !c.recalled->up_to.covers(from.at)) {
        if (from.at && !c.recalled->up_to.covers(from.at)) {
            c.recalled->up_to.forget(from.at);  // the pushes of a shard come in order, so no older one follows
        }
        if (!c.recalled->up_to) {
            c.recalled.reset();
        }
        return false;
    }
    const auto asked = [&](const std::string& target) { return contains(c.recalled->targets, target); };
    if ((to.all && !asked(proto::target_all())) || (!c.user.empty() && contains(to.users, c.user)) ||
        contains(to.connections, c.id) || has_one_of(c.aliases, to.aliases)) {
        return false;
    }
    return std::all_of(c.groups.begin(), c.groups.end(), [&](const auto& g) {
        return !contains(to.groups, g) || asked(proto::target(proto::target_kind::group, g));
    });
}

/// Drops the waiting live pushes that are also in the histories.
void history::drop_recalled(connection& c) {
    std::erase_if(c.early->live, [&](const connection::waiting_frames::held& h) {
        const delivery* const d = deliveries_.find(h.tag);
        push_origin from;
        from.at = h.at;
        from.again = d != nullptr && d->again;
        from.mailbox = d != nullptr && d->claimed;
        if (d == nullptr || !d->to || !c.recalled || !c.recalled->up_to.covers(h.at) || !is_recalled(c, *d->to, from)) {
            return false;
        }
        sent_.forget(c.id, h.sent_as);  // it may have been kept for the connection, too
        deliveries_.settle(h.tag);
        return true;
    });
}

/// The connection is registered. What was routed before is in the histories, what is routed from now on comes live, and a push that
/// comes both ways is recognized by its place.
void history::recall(const connection_ptr& c, const std::string& address) {
    if (!c->recalling || !c->wish || c->gone()) {
        return;
    }
    const std::shared_ptr<const history_wish> wish = std::move(c->wish);
    history_question q;
    q.is_known = !c->user.empty() || !c->aliases.empty();
    q.bytes = history_bytes(*c);
    q.after = wish->after;
    q.joined = wish->joined;
    if (!wish->after) {
        q.names = wish->names;
    }
    if (wish->stream) {
        for (auto& target : audiences_of(*c)) {
            if (std::none_of(q.names.begin(), q.names.end(), [&](const auto& n) { return n.target == target; })) {
                q.names.push_back({std::move(target), 0});
            }
        }
    }
    if (wish->after && q.names.size() > names_at_most) {
        note_problem(*c, "too_many_names");
        q.names.resize(names_at_most);
    }
    const std::size_t names = q.names.size();
    reads_.recall(
        reader_of(*c, address), std::move(q), [c] { return !c->gone(); },
        [this, c, wish, address, names](const history_answer& a) {
            charge(*c, address, history_cost(a, names));
            take_history(c, *wish, a);
        });
}

/// Charges histories to the handshake rate: a client that has read much must wait before its next handshake.
void history::charge(const connection& c, std::string_view address, std::chrono::duration<double> cost) {
    const auto time = std::chrono::duration_cast<timer_port::clock::duration>(cost);
    const auto& config = context_.config;
    context_.address_rate.charge(address, config.handshakes_per_address, time, timers_.now());
    context_.user_rate.charge(c.user, config.handshakes_per_user, time, timers_.now());
}

void history::take_history(const connection_ptr& c, const history_wish& wish, const history_answer& a) {
    c->recalling = false;
    if (c->gone()) {
        return;
    }
    connection::waiting_frames& early = c->waiting();
    if ((!a.answered || !a.unread.empty()) && (wish.after || !wish.names.empty())) {
        note_problem(*c, "unread");
    }
    if (wish.stream) {
        early.missing = a.missing;
        const bool too_many = wish.after && c->groups.size() + 1 > names_at_most;
        if (wish.lost || too_many || (wish.after && !a.answered)) {
            early.missing.emplace_back("");  // any name's pushes may be missing
        }
        if (!early.missing.empty()) {
            note_problem(*c, "gap");
        }
        early.came_to = a.now;
    }
    std::vector<connection::waiting_frames::held> fresh;
    std::vector<connection::waiting_frames::held> kept;  ///< came as live ones, too: they take the history's place
    const auto wall = timers_.wall();
    for (const auto& k : a.pushes) {
        const std::uint64_t hash = dedup::hash(k.push.id);
        const auto waiting =
            std::find_if(early.live.begin(), early.live.end(), [&](const auto& h) { return h.at && h.at == k.at; });
        if (waiting != early.live.end()) {
            kept.push_back(std::move(*waiting));
            early.live.erase(waiting);
            continue;
        }
        if (expired(k.push, wall) || is_left_out(*c, k.push) || !sent_.first(c->id, hash, timers_.now())) {
            continue;
        }
        (void)recalled_.first(c->id, recall_key(k.at, 0), timers_.now());
        const auto op = k.push.kind == proto::payload_kind::text ? proto::opcode::text : proto::opcode::binary;
        fresh.push_back({frame::make(op, k.push.payload), tag_history, nullptr, k.at});
    }
    early.recalled += fresh.size();
    fresh.insert(fresh.end(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
    std::stable_sort(fresh.begin(), fresh.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
    if (a.answered && wish.joined && !wish.after) {
        c->recalled = std::make_unique<recalled_names>();
        c->recalled->up_to = wish.joined;
        for (const auto& n : wish.names) {
            if (!contains(a.unread, n.target)) {  // otherwise the live pushes are all that there is
                c->recalled->targets.push_back(n.target);
            }
        }
        drop_recalled(*c);
    }
    merge(early.live, std::move(fresh));
    backlog_.release(*c);
}

}  // namespace wsidecar::core
