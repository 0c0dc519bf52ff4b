#include "sidecar/core/stomp/joins.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proto/target.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/history_merge.hpp"
#include "sidecar/core/history_reads.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/registrations.hpp"
#include "sidecar/core/stomp/acks.hpp"
#include "sidecar/core/stomp/broker.hpp"
#include "sidecar/core/stomp/message.hpp"
#include "sidecar/core/stomp/replies.hpp"

namespace wsidecar::core {
using proto::stomp::command;
namespace {

using namespace std::chrono_literals;

/// A registration costs Redis some 25 microseconds for each name in it. Twenty times that between two of one client leaves that client 5 % of Redis.
constexpr auto pause_for_a_name = 500us;

/// Registrations with so few names cost less than limits.subscriptions_per_second allows anyway.
constexpr std::size_t names_without_pause = 16;

/// What all patterns of the pod together may cost a push, in units of 256 steps (subscription::weight): about 10 ms.
constexpr std::size_t pattern_weight_of_pod = 32 * 1024;

/// Of how many of a history's latest messages a live copy may still be on its way.
constexpr std::size_t recalled_at_most = 64;

std::uint64_t hash_of(const std::vector<std::string>& names) {
    std::uint64_t h = 0;
    for (const auto& n : names) {
        h = (h ^ keyed_hash(n)) * 0x9E3779B97F4A7C15ULL;
    }
    return h;
}

}  // namespace

stomp_joins::stomp_joins(context& x, stomp_shared& shared, const neighbours& n)
    : metrics_(x.metrics),
      bus_(x.bus),
      timers_(x.timers),
      instance_(x.instance),
      sent_(x.sent),
      recalled_(x.recalled),
      subscriptions_(shared.subscriptions),
      messages_(shared.messages),
      replies_(n.replies),
      acks_(n.acks),
      broker_(n.broker),
      lane_(n.lane),
      registrations_(n.registrations),
      deliveries_(n.deliveries),
      backlog_(n.backlog),
      reads_(n.reads) {}

void stomp_joins::count_subscriptions() {
    metrics_.stomp_subscriptions.value() = static_cast<double>(subscriptions_.size());
}

void stomp_joins::enter(connection& c, subscription& s) {
    s.joining = true;
    ++c.stomp->joining;
    c.stomp->patterns += s.weight();
    subscriptions_.enter(s);
    count_subscriptions();
    changed(c, true);
}

/// A frame whose turn has not come yet stays the first of the queue: behind a SUBSCRIBE until the registry knows of it, and
/// SUBSCRIBE and UNSUBSCRIBE themselves while there are too many a second.
bool stomp_joins::must_wait(connection& c, inbound_work::item& item) {
    stomp_client& s = *c.stomp;
    const auto verb = item.stomp->verb;
    if (verb == command::subscribe || verb == command::unsubscribe) {
        const double rate = c.route->limits.subscriptions_per_second;
        if (rate == 0) {
            return false;
        }
        const double most = c.route->limits.subscriptions;
        const auto now = timers_.now();
        const double since = std::chrono::duration<double>(now - s.subscribe_at).count();
        double tokens = s.subscribe_tokens ? std::min(most, *s.subscribe_tokens + since * rate) : most;
        s.subscribe_at = now;
        const bool enough = tokens >= 1;
        tokens -= enough ? 1 : 0;
        s.subscribe_tokens = tokens;
        if (enough) {
            return false;
        }
        metrics_.hit("subscribe_rate");
        const std::chrono::duration<double> missing((1 - tokens) / rate);
        s.turn = timers_.after(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(missing)), [this, it = &c] {
            it->stomp->turn.reset();
            go_on(connection_ptr(it));
        });
    } else if (s.joining == 0) {
        return false;
    }
    s.waiting = true;
    c.inbound->bytes += item.payload.size();
    c.inbound->queue.push_front(std::move(item));
    return true;
}

void stomp_joins::go_on(const connection_ptr& c) {
    if (std::exchange(c->stomp->waiting, false)) {
        lane_.done(c);
    }
}

/// Whether one more pattern stays within what this client's patterns, and all of the pod's, may cost each push.
bool stomp_joins::pattern_fits(const connection& c, const subscription& s) const {
    const std::size_t weight = s.weight();
    return !s.pattern || (c.stomp->patterns + weight <= c.route->limits.patterns &&
                          (subscriptions_.has_pattern(s.key) || subscriptions_.weight() + weight <= pattern_weight_of_pod));
}

/// A subscription has ended. Pushes that waited in it for the registry are routed again or dropped.
void stomp_joins::leave(connection& c, subscription& gone) {
    subscriptions_.leave(gone);
    count_subscriptions();
    c.stomp->patterns -= gone.weight();
    if (std::exchange(gone.joining, false)) {
        --c.stomp->joining;
        replies_.receipt(c, gone.receipt);
    }
    for (const auto& [f, tag, hash, at, number, kept] : std::exchange(gone.held, {})) {
        if (tag >= first_delivery_id) {
            acks_.lose(c, gone, tag, undelivered_reason::connection_gone);
            deliveries_.settle(tag);
        } else if (tag == tag_channel) {
            metrics_.undelivered[undelivered_reason::connection_gone] += 1;
        }
    }
    acks_.drop(c, &gone);
    if (gone.what != subscription::kind::app) {
        changed(c, true);
    }
}

/// A change has to reach the registry, at once or together with others a little later. `names_only`: only subscriptions changed.
void stomp_joins::changed(connection& c, bool names_only) {
    auto& r = c.stomp->registry;
    r.due = true;
    r.all = r.all || !names_only;
    if (r.under_way || r.timer) {
        return;
    }
    const auto now = timers_.now();
    if (now >= r.next) {
        register_now(c);
        return;
    }
    r.timer = timers_.after(std::chrono::ceil<std::chrono::milliseconds>(r.next - now), [this, it = &c] {
        it->stomp->registry.timer.reset();
        register_now(*it);
    });
}

void stomp_joins::register_now(connection& c) {
    auto& r = c.stomp->registry;
    bool fresh = false;
    for (const auto& s : c.stomp->subscriptions) {
        const bool joins = s->joining && s->recalling == 0;
        fresh = fresh || (joins && !s->asked);
        s->asked = joins;
    }
    r.due = false;
    const auto entry = registrations_.of(c);
    const std::uint64_t names = hash_of(entry.names);
    if (!std::exchange(r.all, false) && !fresh && names == r.sent) {
        return;  // what was added has ended meanwhile
    }
    r.sent = names;
    r.under_way = true;
    const std::size_t many = entry.names.size() > names_without_pause ? entry.names.size() : 0;
    r.next = timers_.now() + many * pause_for_a_name;
    c.mailbox_due = std::max(c.mailbox_due, 0);  // kept pushes that came so far belong to earlier registrations
    mark_before(c);
    bus_.enroll(entry, [this, keep = connection_ptr(&c)](const enroll_result& result) { registered_now(keep, result); });
}

void stomp_joins::registered_now(const connection_ptr& c, const enroll_result& result) {
    stomp_client& s = *c->stomp;
    s.registry.under_way = false;
    backlog_.expect_mailbox(c, result.mailbox);
    std::vector<std::uint64_t> recalled;
    for (const auto& joined : s.subscriptions) {
        if (!std::exchange(joined->asked, false)) {
            continue;
        }
        if (joined->history > 0 && result.outcome == enroll_outcome::done) {
            joined->recalling = ++recalls_;  // everything else waits for its history
            recalled.push_back(joined->recalling);
        } else {
            joined->joining = false;
            --s.joining;
            broker_.release(*joined);
            replies_.receipt(*c, std::exchange(joined->receipt, {}));
        }
    }
    if (s.registry.due) {
        changed(*c, true);
    }
    if (s.joining == 0 && !s.turn) {
        go_on(c);
    }
    // This comes last: an answer at once lets the client's frames go on, and they may end subscriptions.
    for (const std::uint64_t number : recalled) {
        const auto found = std::find_if(s.subscriptions.begin(), s.subscriptions.end(),
                                        [&](const auto& one) { return one->recalling == number; });
        if (found != s.subscriptions.end()) {
            recall_for(c, **found);
        }
    }
}

/// The header `history` of a SUBSCRIBE. A value that is no number is counted and logged, and has no other effect.
std::uint32_t stomp_joins::history_asked(const connection& c, const subscription& s, const stomp_request& r) {
    const std::string_view text = r.header("history");
    if (text.empty()) {
        return 0;
    }
    std::uint32_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        note_history_problem(metrics_, c, "malformed");
        return 0;
    }
    if (s.pattern || s.what != subscription::kind::broker) {
        note_history_problem(metrics_, c, "pattern");
        return 0;
    }
    return n;
}

/// Like history::mark_before(), for the subscriptions in the next registration.
void stomp_joins::mark_before(connection& c) {
    const auto asks = [](const auto& s) { return s->asked && s->history > 0; };
    auto& all = c.stomp->subscriptions;
    if (std::none_of(all.begin(), all.end(), asks)) {
        return;
    }
    history_question q;
    for (const auto& s : all) {
        if (asks(s)) {
            q.names.push_back({proto::target(proto::target_kind::destination, s->key), 0});
        }
    }
    bus_.recall(std::move(q), [keep = connection_ptr(&c), asks](const history_answer& a) {
        if (!keep->stomp) {
            return;
        }
        for (const auto& s : keep->stomp->subscriptions) {
            s->joined = asks(s) ? a.now : s->joined;
        }
    });
}

/// The registry has the subscription. It stays `joining`, so that live pushes wait, until its history has come.
void stomp_joins::recall_for(const connection_ptr& c, subscription& s) {
    history_question q;
    q.names.push_back({proto::target(proto::target_kind::destination, s.key), s.history});
    q.joined = s.joined;
    q.bytes = history_bytes(*c);
    reads_.recall(
        reader_of(*c, {}), std::move(q),
        [c, number = s.recalling] {
            const auto waits = [&](const auto& one) { return one->recalling == number; };
            return c->stomp && std::any_of(c->stomp->subscriptions.begin(), c->stomp->subscriptions.end(), waits);
        },
        [this, c, number = s.recalling](const history_answer& a) { take_history_of(c, number, a); });
}

void stomp_joins::take_history_of(const connection_ptr& c, std::uint64_t number, const history_answer& a) {
    if (!c->stomp) {
        return;
    }
    auto& all = c->stomp->subscriptions;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s->recalling == number; });
    if (found == all.end()) {
        return;  // the subscription has ended meanwhile
    }
    subscription& s = **found;
    if (c->stomp->subscribe_tokens) {
        *c->stomp->subscribe_tokens -= history_cost(a, 1).count() * c->route->limits.subscriptions_per_second;
    }
    if (!a.answered) {
        note_history_problem(metrics_, *c, "unread");
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
        if (s.ack != subscription::ack_mode::automatic) {
            s.recalled.emplace_back(k.at, message.number());
        }
    }
    if (c->mailbox_due <= 0 && s.recalled.size() > recalled_at_most) {
        s.recalled.erase(s.recalled.begin(), s.recalled.end() - recalled_at_most);
    }
    s.joined = a.answered ? s.joined : position();  // without a history, pushes on their way are all that there is
    std::erase_if(s.held, [&](const subscription::waiting& h) {
        const auto* const d = deliveries_.find(h.tag);
        const bool before = s.joined.covers(h.at) && h.tag >= first_delivery_id && !h.kept && (d == nullptr || !d->again);
        if (before) {
            sent_.forget(c->id, h.hash ^ dedup::hash(s.id));  // it may have been kept for the connection, too
            deliveries_.settle(h.tag);
        }
        return before;
    });
    merge(s.held, std::move(fresh));
    for (auto& h : s.held) {
        if (s.ack != subscription::ack_mode::automatic && h.tag >= first_delivery_id) {
            acks_.await(*c, s, h.number, std::exchange(h.tag, tag_unconfirmed), h.frame->bytes().size());
        }
    }
    s.recalling = 0;
    s.joining = false;
    --c->stomp->joining;
    broker_.release(s);
    replies_.receipt(*c, std::exchange(s.receipt, {}));
    if (c->stomp->registry.due) {
        changed(*c, true);
    }
    if (c->stomp->joining == 0 && !c->stomp->turn) {
        go_on(c);
    }
}

}  // namespace wsidecar::core
