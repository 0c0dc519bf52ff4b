// gateway: what was pushed before a connection joined, or while it was away, from the histories of names.

#include <algorithm>
#include <charconv>

#include "proto/app_reply.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"
#include "sidecar/core/stomp_message.hpp"

namespace wsidecar::core {
namespace {

/// Of all whose history one connection gets.
constexpr std::size_t names_at_most = 100;

std::uint64_t hash_of(place at) {
    std::uint64_t h = at.ms * 0x9E3779B97F4A7C15ULL ^ at.seq;
    h ^= h >> 32U;
    return h * 0xBF58476D1CE4E5B9ULL;
}

template <class Names>
bool contains(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_one_of(const std::vector<std::string>& names, const std::vector<std::string>& of) {
    return std::any_of(names.begin(), names.end(), [&](const auto& n) { return contains(of, n); });
}

bool is_named(const connection& c, const proto::addresses& names) {
    return names.all || (!c.user.empty() && contains(names.users, c.user)) || contains(names.connections, c.id) ||
           has_one_of(c.aliases, names.aliases) || has_one_of(c.groups, names.groups);
}

/// Whether this connection is left out of a push of its history: by `except`, or by the route that the push is for.
bool is_left_out(const connection& c, const proto::envelope& push) {
    const auto on = [&](const proto::addresses& a) { return a.routes.empty() || c.is_on(a.routes); };
    return !on(push.to) || (is_named(c, push.except) && on(push.except));
}

bool expired(const proto::envelope& push, std::chrono::system_clock::time_point now) {
    return push.ttl && push.time && now > *push.time + std::chrono::duration<double>(*push.ttl);
}

/// Puts `fresh`, which is in order, among what waits: live pushes that came before the history was read are in it, or before or
/// behind it. What has no place, a channel's, stays where it was.
template <class List, class Item>
void merge(List& waiting, std::vector<Item> fresh) {
    List out;
    auto next = fresh.begin();
    const auto take_up_to = [&](place limit) {
        for (; next != fresh.end() && next->at < limit; ++next) {
            out.push_back(std::move(*next));
        }
    };
    for (auto& w : waiting) {
        if (w.at) {
            take_up_to(w.at);
        }
        out.push_back(std::move(w));
    }
    out.insert(out.end(), std::make_move_iterator(next), std::make_move_iterator(fresh.end()));
    waiting = std::move(out);
}

}  // namespace

std::uint64_t gateway::recall_key(place at, std::uint64_t subscription) {
    return hash_of(at) ^ subscription;
}

void gateway::note_history(const connection& c, const char* problem) {
    metrics_.history_problems.at({problem}) += 1;
    log::limited(log::level::info, "history", "a history is not given as it was asked for",
                 {{"reason", problem}, {"connection", c.id}, {"user", c.user}, {"path", c.path()}});
}

// --------------------------------------------------------------------------------------------- raw connections

/// Server-sent events: Last-Event-ID is the place of the last one that the client had.
void gateway::wish_as_stream(connection& c, const handshake& h) {
    c.wish = std::make_shared<history_wish>();
    c.wish->stream = true;
    c.recalling = true;
    if (h.last_event_id) {
        c.wish->after = read_place(*h.last_event_id);
        c.wish->lost = !c.wish->after;
        if (c.wish->lost) {
            note_history(c, "malformed_id");
        }
    }
}

/// Ws-History: of groups that it joins with this answer. Before it has joined them: from then on live pushes wait.
void gateway::wish_for(connection& c, proto::app_reply& r) {
    for (const auto& [group, count] : r.history) {
        const bool opening = c.at == connection::phase::connecting;
        const bool joins = group.empty() ? opening
                                         : (contains(r.join, group) && (opening || !contains(c.groups, group))) ||
                                               (opening && contains(c.groups, group) && !contains(r.leave, group));
        if (!joins || c.stomp) {
            r.problems.push_back(
                {"bad_history", "Ws-History is for groups that a connection without STOMP joins with this answer"});
            continue;
        }
        if (!c.wish) {
            c.wish = std::make_shared<history_wish>();
        }
        c.recalling = true;
        c.wish->names.push_back({group.empty() ? "*" : 'g' + group, count});
    }
}

/// Where the list stands before it is registered, on the same way to Redis: what was pushed before then is its history's alone.
void gateway::mark_before(const connection_ptr& c) {
    if (c->recalling && c->wish && !c->wish->after) {
        bus_.recall({}, [wish = c->wish](const history_answer& a) { wish->joined = a.now; });
    }
}

/// Whether a push that comes here is one that its histories were asked about: by no other name it is this connection's.
bool gateway::is_recalled(connection& c, const proto::addresses& to, const push_origin& from) const {
    if (!from.at || from.mailbox || from.at > c.recalled->up_to) {
        if (from.at > c.recalled->up_to) {
            c.recalled.reset();  // they come in order
        }
        return false;
    }
    const auto asked = [&](const std::string& target) { return contains(c.recalled->targets, target); };
    if ((to.all && !asked("*")) || (!c.user.empty() && contains(to.users, c.user)) || contains(to.connections, c.id) ||
        has_one_of(c.aliases, to.aliases)) {
        return false;
    }
    return std::all_of(c.groups.begin(), c.groups.end(),
                       [&](const auto& g) { return !contains(to.groups, g) || asked('g' + g); });
}

/// Of what has waited for its histories.
void gateway::drop_recalled(connection& c) {
    std::erase_if(c.early->live, [&](const connection::waiting_frames::held& h) {
        const auto it = deliveries_.find(h.tag);
        push_origin from;
        from.at = h.at;
        if (it == deliveries_.end() || !it->second.to || !c.recalled || h.at > c.recalled->up_to ||
            !is_recalled(c, *it->second.to, from)) {
            return false;
        }
        settle(h.tag);
        return true;
    });
}

/// It is registered: what was routed before is in the histories, what is routed from now on comes by itself, and what is in both is
/// recognized by its place.
void gateway::recall(const connection_ptr& c) {
    if (!c->recalling || !c->wish || c->gone()) {
        return;
    }
    const std::shared_ptr<const history_wish> wish = std::move(c->wish);
    history_question q;
    q.is_known = !c->user.empty() || !c->aliases.empty();
    q.bytes = history_bytes(*c);
    q.after = wish->after;
    q.joined = wish->joined;
    if (wish->after) {
        for (const auto& g : c->groups) {
            q.names.push_back({'g' + g, 0});
        }
        q.names.push_back({"*", 0});
    } else {
        q.names = wish->names;
    }
    if (q.names.size() > names_at_most) {
        note_history(*c, "too_many_names");
        q.names.resize(names_at_most);
    }
    bus_.recall(std::move(q), [this, c, wish](history_answer a) { take_history(c, *wish, a); });
}

void gateway::take_history(const connection_ptr& c, const history_wish& wish, const history_answer& a) {
    c->recalling = false;
    if (c->gone()) {
        return;
    }
    if (!c->early) {
        c->early = std::make_unique<connection::waiting_frames>();
    }
    connection::waiting_frames& early = *c->early;
    if (!a.answered && (wish.after || !wish.names.empty())) {
        note_history(*c, "unread");
    }
    if (wish.stream) {
        early.missing = a.missing;
        const bool too_many = wish.after && c->groups.size() + 1 > names_at_most;
        if (wish.lost || too_many || (wish.after && !a.answered)) {
            early.missing.emplace_back("");  // of whatever it had
        }
        if (!early.missing.empty()) {
            note_history(*c, "gap");
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
            c->recalled->targets.push_back(n.target);
        }
        drop_recalled(*c);
    }
    merge(early.live, std::move(fresh));
    release_held(*c);
}

// ---------------------------------------------------------------------------------------- STOMP's subscriptions

/// The header `history` of a SUBSCRIBE. What is no number is told, and stops nothing.
std::uint32_t gateway::history_asked(const connection& c, const subscription& s, const stomp_request& r) {
    const std::string_view text = r.header("history");
    if (text.empty()) {
        return 0;
    }
    std::uint32_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        note_history(c, "malformed");
        return 0;
    }
    if (s.pattern || s.what != subscription::kind::broker) {
        note_history(c, "pattern");
        return 0;
    }
    return n;
}

/// As mark_before(), for the subscriptions that the registry is told of next.
void gateway::mark_before_joining(connection& c) {
    const auto asks = [](const auto& s) { return s->asked && s->history > 0; };
    auto& all = c.stomp->subscriptions;
    if (std::none_of(all.begin(), all.end(), asks)) {
        return;
    }
    bus_.recall({}, [keep = connection_ptr(&c), asks](const history_answer& a) {
        if (!keep->stomp) {
            return;
        }
        for (const auto& s : keep->stomp->subscriptions) {
            s->joined = asks(s) ? a.now : s->joined;
        }
    });
}

/// The registry knows of it. It goes on joining, so that what is pushed waits, until its history is here.
void gateway::recall_for(const connection_ptr& c, subscription& s) {
    history_question q;
    q.names.push_back({'d' + s.key, s.history});
    q.joined = s.joined;
    q.bytes = history_bytes(*c);
    bus_.recall(std::move(q), [this, c, number = s.recalling](const history_answer& a) { take_history_of(c, number, a); });
}

void gateway::take_history_of(const connection_ptr& c, std::uint64_t number, const history_answer& a) {
    if (!c->stomp) {
        return;
    }
    auto& all = c->stomp->subscriptions;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s->recalling == number; });
    if (found == all.end()) {
        return;  // it has ended meanwhile
    }
    subscription& s = **found;
    if (!a.answered) {
        note_history(*c, "unread");
    }
    std::vector<subscription::waiting> fresh;
    const auto wall = timers_.wall();
    for (const auto& k : a.pushes) {
        const std::uint64_t of_subscription = dedup::hash(s.id);
        const std::uint64_t hash = dedup::hash(k.push.id);
        const auto waiting = std::find_if(s.held.begin(), s.held.end(), [&](const auto& h) { return h.at && h.at == k.at; });
        if (waiting != s.held.end()) {
            fresh.push_back(std::move(*waiting));
            s.held.erase(waiting);
            continue;
        }
        if (c->session == nullptr || expired(k.push, wall) || is_left_out(*c, k.push) ||
            !sent_.first(c->id, of_subscription ^ hash, timers_.now())) {
            continue;
        }
        (void)recalled_.first(c->id, recall_key(k.at, of_subscription), timers_.now());
        stomp_message message(k.push, instance_, ++messages_);
        fresh.push_back({message.frame_for(s, c->stomp->version, s.destination), tag_history, hash, k.at});
    }
    s.joined = a.answered ? s.joined : place();  // else what is on its way is all that there is
    std::erase_if(s.held, [&](const subscription::waiting& h) {
        const bool before = h.at && h.at <= s.joined && h.tag >= first_delivery_id && !h.kept;
        if (before) {
            settle(h.tag);
        }
        return before;
    });
    merge(s.held, std::move(fresh));
    for (auto& h : s.held) {
        if (s.ack != subscription::ack_mode::automatic && h.tag >= first_delivery_id) {
            await_ack(*c, s, h.number, std::exchange(h.tag, tag_unconfirmed), h.frame->bytes().size());
        }
    }
    s.recalling = 0;
    s.joining = false;
    --c->stomp->joining;
    release_joined(s);
    stomp_receipt(*c, std::exchange(s.receipt, {}));
    if (c->stomp->registry.due) {
        stomp_register(*c, true);
    }
    if (c->stomp->joining == 0 && !c->stomp->turn) {
        stomp_go_on(c);
    }
}

}  // namespace wsidecar::core
