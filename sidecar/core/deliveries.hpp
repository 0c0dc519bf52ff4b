#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

/// An outbox push that was routed to this instance and has not ended for all its connections.
struct delivery {
    std::uint32_t outstanding = 0;  ///< connections or subscriptions whose outcome is not known
    bool receipt = false;
    bool each = false;
    bool everywhere = false;
    bool again = false;       ///< it was routed before
    bool claimed = false;     ///< it comes from a mailbox; the bus knows for which name
    bool closes = false;      ///< it closes its connections, and ends with them
    std::uint64_t noted = 0;  ///< number in recent::pushes
    std::uint64_t hash = 0;   ///< hash of the push's id
    place at;
    std::vector<std::string> keys;  ///< keys of the subscriptions that it is for; empty if it is not for subscriptions
    std::shared_ptr<const proto::addresses> to;  ///< its receivers; null for one user or one connection
    timer_port::clock::time_point since;
    span_ptr span;  ///< null: not traced
    delivery_outcome outcome;
};

/// Tracks outbox pushes: which connections have confirmed them, which never will, and under which names they are routed again. Event loop
/// only.
class deliveries {
public:
    explicit deliveries(context& x);

    delivery& operator[](delivery_id id) { return all_[id]; }
    /// Null if the delivery has ended. The pointer is valid until the delivery ends.
    delivery* find(delivery_id id) {
        const auto it = all_.find(id);
        return it == all_.end() ? nullptr : &it->second;
    }

    /// The client has received the frame sent with `tag` and all list pushes sent before it.
    void confirmed(connection& c, std::uint64_t tag);
    /// The client has received this list push; nothing is known about earlier ones.
    void confirmed_alone(connection& c, delivery_id id);
    void not_sent(connection& c, std::uint64_t tag, undelivered_reason reason);
    void note_delivered(delivery& d, const connection& c);
    /// `reason` is a label of wsidecar_undelivered_total.
    void note_dropped(delivery& d, const connection& c, undelivered_reason reason);
    /// A connection will not confirm this push, which is routed again to `name` (core/deliveries.cpp: name_of).
    void lose(delivery_id id, delivery& d, std::string name);
    /// One outstanding outcome is known. Reports the push to the bus if it was the last one.
    void settle(delivery_id id);
    /// The connection has ended: settles its unconfirmed pushes, which are routed again where possible.
    void drop_unconfirmed(connection& c);

    /// Remembers the connection's user for earlier deliveries, because the user is about to change.
    void remember_user(const connection& c);
    const std::string& user_at(const connection& c, delivery_id id) const;
    std::string name_of(const connection& c, const delivery& d, delivery_id id) const;
    bool share_fate(connection& c, std::uint64_t hash, delivery_id id);

private:
    /// The outcome of an earlier copy of a push, for which a later delivery of the same push waits.
    enum class end_of_copy : std::uint8_t { delivered, dropped, lost };
    void pass_on(connection& c, delivery_id copy, end_of_copy how,
                 undelivered_reason reason = undelivered_reason::connection_gone);
    void note_settled(const delivery& d);

    metrics& metrics_;
    bus_port& bus_;
    timer_port& timers_;
    recent& recent_;
    tracing& tracing_;
    dedup& confirmed_;
    double& delivered_list_;
    double& delivered_channel_;
    std::unordered_map<delivery_id, delivery> all_;
    /// For connections whose user has changed: the former users, each with the last delivery to them.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, std::string>>> former_users_;
    /// For each connection: pairs of an unconfirmed copy and a later delivery of the same push that waits for its outcome.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, delivery_id>>> sharing_;
};

}  // namespace wsidecar::core
