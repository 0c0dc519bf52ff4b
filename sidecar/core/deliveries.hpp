#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

/// A list push that has come here and whose end is not known for all its connections.
struct delivery {
    std::uint32_t outstanding = 0;
    bool receipt = false;
    bool each = false;
    bool everywhere = false;
    bool again = false;       ///< it was routed before
    bool claimed = false;     ///< from the mailbox of a name that whoever settles it knows
    bool closes = false;      ///< its connections are told to go: with them it has ended
    std::uint64_t noted = 0;  ///< number in recent::pushes
    std::uint64_t hash = 0;   ///< of the push's id
    place at;
    std::vector<std::string> keys;               ///< of the subscriptions that it is for; empty: a plain push
    std::shared_ptr<const proto::addresses> to;  ///< whom it is for here; null: one user, or one connection
    timer_port::clock::time_point since;
    span_ptr span;  ///< null: not traced
    delivery_outcome outcome;
};

/// What has become of list pushes: who has confirmed them, who never will, and under which names they are routed again.
class deliveries {
public:
    explicit deliveries(context& x);

    delivery& operator[](delivery_id id) { return all_[id]; }
    /// Null: it has ended.
    delivery* find(delivery_id id) {
        const auto it = all_.find(id);
        return it == all_.end() ? nullptr : &it->second;
    }

    /// The frame sent with `tag`, and all list pushes sent before it, have arrived.
    void confirmed(connection& c, std::uint64_t tag);
    /// One list push has arrived, whatever was sent before it.
    void confirmed_alone(connection& c, delivery_id id);
    void not_sent(connection& c, std::uint64_t tag, const char* reason);
    void note_delivered(delivery& d, const connection& c);
    /// `reason`: label of wsidecar_undelivered_total.
    void note_dropped(delivery& d, const connection& c, const char* reason);
    /// One of those that it waited for has ended.
    void settle(delivery_id id);
    /// The connection is gone.
    void drop_unconfirmed(connection& c);

    /// Its user is about to change.
    void remember_user(const connection& c);
    const std::string& user_at(const connection& c, delivery_id id) const;
    std::string name_of(const connection& c, const delivery& d, delivery_id id) const;
    bool share_fate(connection& c, std::uint64_t hash, delivery_id id);

private:
    /// What became of a copy that the connection had already, and that a later delivery of the same push waits for.
    enum class end_of_copy : std::uint8_t { delivered, dropped, lost };
    void pass_on(connection& c, delivery_id copy, end_of_copy how, const char* reason = "");
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
    /// Of connections whose user has changed: who it was up to which delivery.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, std::string>>> former_users_;
    /// Deliveries of a push that a connection had been sent before and has not confirmed: the copy, and who waits for it.
    std::unordered_map<const connection*, std::vector<std::pair<delivery_id, delivery_id>>> sharing_;
};

}  // namespace wsidecar::core
