#pragma once

#include <cstdint>
#include <string>

#include "sidecar/core/backlog.hpp"
#include "sidecar/core/deliveries.hpp"

namespace wsidecar::core {

/// What a push found here.
struct push_share {
    std::size_t matched = 0;  ///< connections, or subscriptions, that it is for
    std::uint32_t given = 0;  ///< those that it was queued to
};

/// A push and one connection that it is for.
class dispatch {
public:
    dispatch(context& x, core::deliveries& deliveries, core::backlog& backlog);

    /// Whether the connection has had this push; then it is accounted for.
    bool had_it(connection& c, const proto::envelope& push, std::uint64_t hash, std::uint64_t sent_as, const push_origin& from,
                delivery* d) {
        return !push.id.empty() && had_this(c, hash, sent_as, from, d);
    }
    /// Whether the connection has this push from its history, or will have it: that copy is the one which is confirmed then.
    bool is_in_history(connection& c, const push_origin& from, std::uint64_t subscription, std::uint64_t sent_as, delivery* d);
    /// False: too many wait.
    bool deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t sent_as, std::uint64_t collapse,
                 const proto::addresses* except = nullptr);
    void not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name,
                  const char* reason = "queue");
    /// Joins, leaves and closes, as the push orders.
    void act(connection& c, const proto::envelope& push, const push_origin& from);
    void name_not_for_it(const proto::envelope& push, delivery* d);
    /// A push that a mailbox had for a connection is not for it: live pushes need not wait for it.
    void none_came(const proto::addresses& to, const push_origin& from);

private:
    bool had_this(connection& c, std::uint64_t hash, std::uint64_t sent_as, const push_origin& from, delivery* d);
    bool replaces_live(connection& c, std::uint64_t sent_as);

    metrics& metrics_;
    timer_port& timers_;
    hub& hub_;
    dedup& sent_;
    dedup& confirmed_;
    dedup& recalled_;
    deliveries& deliveries_;
    backlog& backlog_;
};

}  // namespace wsidecar::core
