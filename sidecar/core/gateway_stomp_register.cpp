// gateway: what STOMP clients take of what others share: Redis, by their subscriptions, and the pod's inbox, by messages without ACK.

#include <algorithm>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {
using proto::stomp::command;
namespace {

using namespace std::chrono_literals;

/// A registration costs Redis some 25 microseconds for each name in it. Twenty times that between two of one client leaves him 5 %.
constexpr auto pause_for_a_name = 500us;
/// So few cost less than the rate of subscriptions lets them be.
constexpr std::size_t names_without_pause = 16;
/// Of what all patterns of the pod may cost a push together, in units of 256 steps (subscription::weight): some 10 ms.
constexpr std::size_t pattern_weight_of_pod = 32 * 1024;
/// Messages without ACK. Beyond it the client has stopped acknowledging.
constexpr std::size_t unacknowledged_at_most = 10'000;
/// The part of inbox.bytes that one client may hold.
constexpr std::uint64_t inbox_share = 4;

std::uint64_t hash_of(const std::vector<std::string>& names) {
    std::uint64_t h = 0;
    for (const auto& n : names) {
        h = (h ^ keyed_hash(n)) * 0x9E3779B97F4A7C15ULL;
    }
    return h;
}

}  // namespace

// ------------------------------------------------------------------------------------------------ taking turns

/// A frame whose turn has not come yet stays the first of the queue: behind a SUBSCRIBE until the registry knows of it, and
/// SUBSCRIBE and UNSUBSCRIBE themselves while there are too many a second.
bool gateway::stomp_waits(connection& c, inbound_work::item& item) {
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
        s.subscribe_tokens = s.subscribe_tokens < 0 ? most : std::min(most, s.subscribe_tokens + since * rate);
        s.subscribe_at = now;
        if (s.subscribe_tokens >= 1) {
            s.subscribe_tokens -= 1;
            return false;
        }
        metrics_.hit("subscribe_rate");
        const std::chrono::duration<double> missing((1 - s.subscribe_tokens) / rate);
        s.turn = timers_.after(std::max(1ms, std::chrono::ceil<std::chrono::milliseconds>(missing)), [this, it = &c] {
            it->stomp->turn.reset();
            stomp_go_on(connection_ptr(it));
        });
    } else if (s.joining == 0) {
        return false;
    }
    s.waiting = true;
    c.inbound->bytes += item.payload.size();
    c.inbound->queue.push_front(std::move(item));
    return true;
}

void gateway::stomp_go_on(const connection_ptr& c) {
    if (std::exchange(c->stomp->waiting, false)) {
        c->busy = false;
        pump(c);
    }
}

/// Whether one more pattern is within what this client, and all together, may make each push cost.
bool gateway::stomp_pattern_fits(const connection& c, const subscription& s) const {
    const std::size_t weight = s.weight();
    return !s.pattern || (c.stomp->patterns + weight <= c.route->limits.patterns &&
                          (subscriptions_.has_pattern(s.key) || subscriptions_.weight() + weight <= pattern_weight_of_pod));
}

// --------------------------------------------------------------------------------------------- the registry

/// A subscription has ended. What waited in it for the registry has nowhere to go.
void gateway::stomp_leave(connection& c, subscription& gone) {
    subscriptions_.leave(gone);
    metrics_.stomp_subscriptions.value() = static_cast<double>(subscriptions_.size());
    c.stomp->patterns -= gone.weight();
    if (std::exchange(gone.joining, false)) {
        --c.stomp->joining;
        stomp_receipt(c, gone.receipt);
    }
    for (const auto& [f, tag, hash, at, number] : std::exchange(gone.held, {})) {
        if (tag >= first_delivery_id) {
            lose_message(c, gone, tag, "connection_gone");
            settle(tag);
        } else if (tag == tag_channel) {
            metrics_.undelivered.at({"connection_gone"}) += 1;
        }
    }
    drop_unacknowledged(c, &gone);
    if (gone.what != subscription::kind::app) {
        stomp_register(c, true);
    }
}

/// The registry has to hear of a change, at once or, with others, when its time has come. `names_only`: of subscriptions alone.
void gateway::stomp_register(connection& c, bool names_only) {
    auto& r = c.stomp->registry;
    r.due = true;
    r.all = r.all || !names_only;
    if (r.under_way || r.timer) {
        return;
    }
    const auto now = timers_.now();
    if (now >= r.next) {
        stomp_register_now(c);
        return;
    }
    r.timer = timers_.after(std::chrono::ceil<std::chrono::milliseconds>(r.next - now), [this, it = &c] {
        it->stomp->registry.timer.reset();
        stomp_register_now(*it);
    });
}

void gateway::stomp_register_now(connection& c) {
    auto& r = c.stomp->registry;
    bool fresh = false;
    for (const auto& s : c.stomp->subscriptions) {
        const bool joins = s->joining && s->recalling == 0;
        fresh = fresh || (joins && !s->asked);
        s->asked = joins;
    }
    r.due = false;
    const auto entry = registration_of(c);
    const std::uint64_t names = hash_of(entry.names);
    if (!std::exchange(r.all, false) && !fresh && names == r.sent) {
        return;  // what came has gone
    }
    r.sent = names;
    r.under_way = true;
    const std::size_t many = entry.names.size() > names_without_pause ? entry.names.size() : 0;
    r.next = timers_.now() + many * pause_for_a_name;
    c.mailbox_due = std::max(c.mailbox_due, 0);  // what came uncounted so far is not of this
    mark_before_joining(c);
    bus_.enroll(entry, [this, keep = connection_ptr(&c)](const enroll_result& result) { stomp_registered(keep, result); });
}

void gateway::stomp_registered(const connection_ptr& c, const enroll_result& result) {
    stomp_client& s = *c->stomp;
    s.registry.under_way = false;
    expect_mailbox(c, result.mailbox);
    std::vector<std::uint64_t> recalled;
    for (const auto& joined : s.subscriptions) {
        if (!std::exchange(joined->asked, false)) {
            continue;
        }
        if (joined->history > 0 && result.outcome == enroll_outcome::done) {
            joined->recalling = ++recalls_;  // until its history has come nothing else does
            recalled.push_back(joined->recalling);
        } else {
            joined->joining = false;
            --s.joining;
            release_joined(*joined);
            stomp_receipt(*c, std::exchange(joined->receipt, {}));
        }
    }
    if (s.registry.due) {
        stomp_register(*c, true);
    }
    if (s.joining == 0 && !s.turn) {
        stomp_go_on(c);
    }
    // Last: an answer that comes at once lets frames of the client go on, which may end subscriptions.
    for (const std::uint64_t number : recalled) {
        const auto found = std::find_if(s.subscriptions.begin(), s.subscriptions.end(),
                                        [&](const auto& one) { return one->recalling == number; });
        if (found != s.subscriptions.end()) {
            recall_for(c, **found);
        }
    }
}

// ------------------------------------------------------------------------------------------------------- ACKs

/// Each list push without its ACK is held in the pod's inbox, which is everybody's.
bool gateway::may_wait_for_ack(const connection& c, std::size_t bytes) const {
    const stomp_client& s = *c.stomp;
    const std::uint64_t most = std::min(c.route->limits.unacknowledged, config_.inbox.bytes / inbox_share);
    return s.unacked.empty() || (s.unacked.size() < unacknowledged_at_most && s.unacked_bytes + bytes <= most);
}

void gateway::await_ack(connection& c, const subscription& to, std::uint64_t message, delivery_id id, std::size_t bytes) {
    stomp_client& s = *c.stomp;
    s.unacked.push_back({message, &to, id, bytes, timers_.now()});
    s.unacked_bytes += bytes;
    if (!s.ack_timer) {
        watch_acks(c);
    }
}

/// One timer, for the oldest.
void gateway::watch_acks(connection& c) {
    stomp_client& s = *c.stomp;
    if (s.unacked.empty()) {
        return;
    }
    s.acks_due = std::max(s.unacked.front().since, s.acks_from) + c.route->limits.ack_time;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(s.acks_due - timers_.now());
    s.ack_timer = timers_.after(std::max(1ms, wait), [this, it = &c] {
        it->stomp->ack_timer.reset();
        on_ack_time(*it);
    });
}

void gateway::on_ack_time(connection& c) {
    stomp_client& s = *c.stomp;
    const auto now = timers_.now();
    if ((c.inbound && c.inbound->reading_paused) || now - s.acks_due > 1s) {
        s.acks_from = now;  // its ACKs may be waiting to be read: we do not, or stood still
    }
    const auto limit = c.route->limits.ack_time;
    if (!s.unacked.empty() && now - std::max(s.unacked.front().since, s.acks_from) >= limit) {
        give_up_acks(c, "ack_time", "a message has had no ACK for " + std::to_string(limit.count()) + " ms: limits.ack_time");
        return;
    }
    watch_acks(c);
}

/// The client is told and closed, and what it holds goes to whoever takes it.
void gateway::give_up_acks(connection& c, const char* reason, const std::string& text) {
    stomp_fail(c, reason, text, {}, 1013);
    // Not now: whoever calls may be in the middle of one of these deliveries.
    c.stomp->ack_timer = timers_.after(1ms, [this, it = &c] {
        it->stomp->ack_timer.reset();
        give_back(*it);
    });
}

/// Its subscriptions that acknowledge end here and not with the socket, which may take its time: first in the registry, so that
/// what it holds is not routed to it again.
void gateway::give_back(connection& c) {
    stomp_client& s = *c.stomp;
    std::vector<std::unique_ptr<subscription>> gone;
    for (auto& one : s.subscriptions) {
        if (one->ack != subscription::ack_mode::automatic) {
            s.joining -= one->joining ? 1U : 0U;
            s.patterns -= one->weight();
            subscriptions_.leave(*one);
            gone.push_back(std::move(one));
        }
    }
    std::erase(s.subscriptions, nullptr);
    metrics_.stomp_subscriptions.value() = static_cast<double>(subscriptions_.size());
    bus_.enroll(registration_of(c), [](const enroll_result&) {});
    drop_unacknowledged(c, nullptr);
}

}  // namespace wsidecar::core
