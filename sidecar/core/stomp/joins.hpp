#pragma once

#include <cstdint>

#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "sidecar/core/stomp/shared.hpp"

namespace wsidecar::core {

class backlog;
class history_reads;
class inbound_lane;
class registrations;
class stomp_acks;
class stomp_broker;
class stomp_replies;

/// Registers and unregisters subscriptions. It holds frames that wait for the registry, limits the rate of each client, and reads the
/// histories of new subscriptions. Event loop only.
class stomp_joins {
public:
    struct neighbours {
        stomp_replies& replies;
        stomp_acks& acks;
        stomp_broker& broker;
        core::inbound_lane& lane;
        core::registrations& registrations;
        core::deliveries& deliveries;
        core::backlog& backlog;
        history_reads& reads;
    };
    stomp_joins(context& x, stomp_shared& shared, const neighbours& n);

    bool must_wait(connection& c, inbound_work::item& item);
    void go_on(const connection_ptr& c);
    bool pattern_fits(const connection& c, const subscription& s) const;
    /// Registers a subscription, which must already be in the client's list.
    void enter(connection& c, subscription& s);
    void leave(connection& c, subscription& gone);
    void changed(connection& c, bool names_only);
    /// Parses the header `history` of a SUBSCRIBE.
    std::uint32_t history_asked(const connection& c, const subscription& s, const stomp_request& r);
    void count_subscriptions();

private:
    void register_now(connection& c);
    void registered_now(const connection_ptr& c, const enroll_result& result);
    void mark_before(connection& c);
    void recall_for(const connection_ptr& c, subscription& s);
    void take_history_of(const connection_ptr& c, std::uint64_t number, const history_answer& a);

    metrics& metrics_;
    bus_port& bus_;
    timer_port& timers_;
    const std::string& instance_;
    dedup& sent_;
    dedup& recalled_;
    subscriptions& subscriptions_;
    std::uint64_t& messages_;
    stomp_replies& replies_;
    stomp_acks& acks_;
    stomp_broker& broker_;
    inbound_lane& lane_;
    registrations& registrations_;
    deliveries& deliveries_;
    backlog& backlog_;
    history_reads& reads_;
    std::uint64_t recalls_ = 0;  ///< number of the last request for a subscription's history
};

}  // namespace wsidecar::core
