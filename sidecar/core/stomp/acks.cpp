#include "sidecar/core/stomp/acks.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/target.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/registrations.hpp"
#include "sidecar/core/stomp/message.hpp"
#include "sidecar/core/stomp/replies.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
namespace {

using namespace std::chrono_literals;

/// How many messages may wait for their ACK. Beyond that the client has stopped acknowledging.
constexpr std::size_t unacknowledged_at_most = 10'000;

/// The part of inbox.bytes that one client may hold.
constexpr std::uint64_t inbox_share = 4;

}  // namespace

/// The name under which other instances find the subscription; empty if its owner has no name. `to` is the push's receivers: a push for an alias goes
/// to that alias again.
std::string route_name(const connection& c, const subscription& s, const std::string& user, const proto::addresses* to) {
    if (!user.empty()) {
        return proto::target_subscription(proto::target_kind::user, user, s.key);
    }
    if (to != nullptr && !to->of_broker()) {
        for (const auto& a : c.aliases) {
            if (std::find(to->aliases.begin(), to->aliases.end(), a) != to->aliases.end() ||
                std::find(to->subscriptions.begin(), to->subscriptions.end(),
                          proto::subscription_name(proto::target_kind::alias, a, s.key)) != to->subscriptions.end()) {
                return proto::target_subscription(proto::target_kind::alias, a, s.key);
            }
        }
        const bool others = !to->users.empty() || !to->connections.empty();
        if (others && to->aliases.empty() && to->subscriptions.empty() && to->groups.empty() && !to->all) {
            return {};
        }
    }
    return c.aliases.empty() ? std::string() : proto::target_subscription(proto::target_kind::alias, c.aliases.front(), s.key);
}

stomp_acks::stomp_acks(context& x, stomp_shared& shared, stomp_replies& replies, core::deliveries& deliveries,
                       core::registrations& registrations)
    : config_(x.config),
      metrics_(x.metrics),
      bus_(x.bus),
      timers_(x.timers),
      subscriptions_(shared.subscriptions),
      messages_(shared.messages),
      replies_(replies),
      deliveries_(deliveries),
      registrations_(registrations),
      departed_(x.departed) {}

/// ACK and NACK name an `ack` in STOMP 1.2, and a message-id in older versions. What names no message is counted and has no effect, as with
/// Spring's broker: libraries send `id:undefined` for messages of `ack: auto`, and after a redial what an earlier connection received.
void stomp_acks::acknowledge(connection& c, const stomp_request& r) {
    stomp_client& s = *c.stomp;
    const bool by_ack = s.version == stomp::version::v1_2;
    const std::string_view id = r.header(by_ack ? "id" : "message-id");
    const std::uint64_t number = message_number(id);
    const bool nack = r.verb == stomp::command::nack;
    if (number == 0 || number > messages_ || (nack && s.version == stomp::version::v1_0)) {
        metrics_.stomp_errors.at({"bad_ack"}) += 1;
        log::limited(log::level::info, "stomp", "an ACK or NACK names no message and has no effect",
                     {{"reason", "bad_ack"}, {"connection", c.id}, {"user", c.user}, {"path", c.path()}});
        return;
    }
    // Of what came from a history, no copy that comes later has to wait for an ACK any more.
    for (const auto& to : s.subscriptions) {
        if (to->recalled.empty()) {
            continue;
        }
        const bool named =
            by_ack ? ack_of(number, to->id) == id : r.header("subscription").empty() || to->id == r.header("subscription");
        const bool up_to = to->ack == subscription::ack_mode::client;
        std::erase_if(to->recalled,
                      [&](const auto& m) { return named && (m.second == number || (up_to && m.second < number)); });
    }
    const auto is = [&](const stomp_client::unacknowledged& u) {
        return u.message == number && (by_ack ? ack_of(number, u.to->id) == id
                                              : r.header("subscription").empty() || u.to->id == r.header("subscription"));
    };
    const auto found = std::find_if(s.unacked.begin(), s.unacked.end(), is);
    if (found == s.unacked.end()) {
        return;  // a channel message, whose outcome is not reported, or one that is acknowledged already
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
        nack ? refused(c, *to, d) : deliveries_.confirmed_alone(c, d);
    }
}

/// A push that was refused (NACK) goes to the mailbox, or to `rejected`: the router decides by the kind of the name.
void stomp_acks::refused(connection& c, const subscription& s, delivery_id id) {
    metrics_.undelivered[undelivered_reason::nacked] += 1;
    if (delivery* const d = deliveries_.find(id)) {
        const auto name = core::route_name(c, s, deliveries_.user_at(c, id), d->to.get());
        if (name.empty()) {
            deliveries_.note_dropped(*d, c, undelivered_reason::nacked);
        } else {
            deliveries_.lose(id, *d, proto::lost_target(proto::next_place::refused, name));
        }
    }
    deliveries_.settle(id);
}

/// Ends what will never be acknowledged, because the subscription `of` has ended (null: all have).
void stomp_acks::drop(connection& c, const subscription* of) {
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
        if (deliveries_.find(u.delivery) != nullptr) {
            lose(c, *u.to, u.delivery, undelivered_reason::connection_gone);
        }
        deliveries_.settle(u.delivery);
    }
}

delivery_id stomp_acks::withdraw(connection& c, std::uint64_t sent_as) {
    auto& unacked = c.stomp->unacked;
    const auto one = std::find_if(unacked.begin(), unacked.end(), [&](const auto& u) {
        const delivery* const d = deliveries_.find(u.delivery);
        return d != nullptr && (dedup::hash(u.to->id) ^ d->hash) == sent_as;
    });
    if (one == unacked.end()) {
        return 0;
    }
    const delivery_id id = one->delivery;
    c.stomp->unacked_bytes -= one->bytes;
    unacked.erase(one);
    return id;
}

bool stomp_acks::await_history(connection& c, delivery_id id, place at, std::uint64_t sent_as, std::size_t bytes) {
    const delivery* const d = deliveries_.find(id);
    if (d == nullptr) {
        return false;
    }
    for (const auto& s : c.stomp->subscriptions) {
        if ((dedup::hash(s->id) ^ d->hash) != sent_as) {
            continue;
        }
        const auto message = std::find_if(s->recalled.begin(), s->recalled.end(), [&](const auto& r) { return r.first == at; });
        if (message != s->recalled.end()) {
            await(c, *s, message->second, id, bytes);
            s->recalled.erase(message);
            return true;
        }
    }
    return false;
}

void stomp_acks::lose(connection& c, const subscription& s, delivery_id id, undelivered_reason reason) {
    if (id < first_delivery_id) {
        metrics_.undelivered[reason] += 1;
        return;
    }
    auto name = route_name(c, s, deliveries_.user_at(c, id), deliveries_[id].to.get());
    if (name.empty()) {
        metrics_.undelivered[reason] += 1;
        deliveries_.note_dropped(deliveries_[id], c, reason);
    } else {
        deliveries_.lose(id, deliveries_[id], std::move(name));
    }
}

/// Outbox pushes that wait for an ACK take room in the pod's inbox, which all clients share.
bool stomp_acks::may_wait(const connection& c, std::size_t bytes) const {
    const stomp_client& s = *c.stomp;
    const std::uint64_t most = std::min(c.route->limits.unacknowledged, config_.inbox.bytes / inbox_share);
    return s.unacked.empty() || (s.unacked.size() < unacknowledged_at_most && s.unacked_bytes + bytes <= most);
}

void stomp_acks::await(connection& c, const subscription& to, std::uint64_t message, delivery_id id, std::size_t bytes) {
    stomp_client& s = *c.stomp;
    s.unacked.push_back({message, &to, id, bytes, timers_.now()});
    s.unacked_bytes += bytes;
    if (!s.ack_timer) {
        watch(c);
    }
}

/// One timer is enough: it is set for the oldest.
void stomp_acks::watch(connection& c) {
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

void stomp_acks::on_ack_time(connection& c) {
    stomp_client& s = *c.stomp;
    const auto now = timers_.now();
    if ((c.inbound && c.inbound->reading_paused) || now - s.acks_due > 1s) {
        s.acks_from = now;  // its ACKs may be unread, because reading is paused or this process was paused
    }
    const auto limit = c.route->limits.ack_time;
    if (!s.unacked.empty() && now - std::max(s.unacked.front().since, s.acks_from) >= limit) {
        give_up(c, "ack_time", "a message has had no ACK for " + std::to_string(limit.count()) + " ms: limits.ack_time");
        return;
    }
    watch(c);
}

/// The client gets an ERROR and is closed, and the pushes that it holds are routed again.
void stomp_acks::give_up(connection& c, const char* reason, const std::string& text) {
    replies_.fail(c, reason, text, {}, 1013);
    // Later, because the caller may be in the middle of one of these deliveries.
    c.stomp->ack_timer = timers_.after(1ms, [this, it = &c] {
        it->stomp->ack_timer.reset();
        give_back(*it);
    });
}

/// The connection ends here for its pushes and not with the socket, which may take a while. It leaves the registry first, so that they
/// are not routed to this client again. The client did not unsubscribe: from now on it is between two connections.
void stomp_acks::give_back(connection& c) {
    departed_.add(c, timers_.now());
    const registration last = registrations_.of(c);
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
    bus_.retire(last, [](std::optional<std::uint32_t>) {});
    drop(c, nullptr);
}

}  // namespace wsidecar::core
