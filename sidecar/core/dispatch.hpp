#pragma once

#include <cstdint>
#include <string>

#include "sidecar/core/backlog.hpp"
#include "sidecar/core/deliveries.hpp"

namespace wsidecar::core {

/// How many receivers a push has at this instance.
struct push_share {
    std::size_t matched = 0;  ///< connections or subscriptions that it is for
    std::uint32_t given = 0;  ///< connections or subscriptions to which it was queued
};

/// Delivers a push to one connection. Event loop only.
class dispatch {
public:
    dispatch(context& x, core::deliveries& deliveries, core::backlog& backlog);

    /// Whether the connection has already been sent this push. If so, records it in the delivery.
    bool had_it(connection& c, const proto::envelope& push, std::uint64_t hash, std::uint64_t sent_as, const push_origin& from,
                delivery* d) {
        return !push.id.empty() && had_this(c, hash, sent_as, from, d);
    }
    /// Whether the connection gets this push from its history. If so, the delivery waits for that copy's confirmation.
    bool is_in_history(connection& c, const push_origin& from, std::uint64_t subscription, std::uint64_t sent_as, delivery* d);
    /// Queues a frame to the connection or to its backlog. Returns false if too many frames wait there.
    bool deliver(connection& c, const frame_ptr& f, const push_origin& from, std::uint64_t sent_as, std::uint64_t collapse,
                 const proto::addresses* except = nullptr);
    void not_held(connection& c, const push_origin& from, std::uint64_t sent_as, const std::string& name,
                  undelivered_reason reason = undelivered_reason::queue);
    /// Executes the commands of the push: join, leave and close.
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
