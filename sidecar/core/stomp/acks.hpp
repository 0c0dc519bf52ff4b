#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "sidecar/core/stomp/shared.hpp"

namespace wsidecar::core {

class registrations;
class stomp_replies;

/// The name under which other instances find the subscription through which a push was delivered; empty if its owner has no name. `to` is
/// the push's receivers: a push for an alias is routed to that alias again.
std::string route_name(const connection& c, const subscription& s, const std::string& user, const proto::addresses* to);

/// Tracks outbox pushes that a STOMP client has to acknowledge, and ends those that it never will. Event loop only.
class stomp_acks {
public:
    stomp_acks(context& x, stomp_shared& shared, stomp_replies& replies, core::deliveries& deliveries,
               core::registrations& registrations);

    void acknowledge(connection& c, const stomp_request& r);
    bool may_wait(const connection& c, std::size_t bytes) const;
    void await(connection& c, const subscription& to, std::uint64_t message, delivery_id id, std::size_t bytes);
    void give_up(connection& c, const char* reason, const std::string& text);
    void drop(connection& c, const subscription* of);
    /// Forgets a push that waits for its ACK. Returns its delivery, which continues, or 0 if there is none.
    delivery_id withdraw(connection& c, std::uint64_t sent_as);
    /// See dialect::awaits_ack_of_history().
    bool await_history(connection& c, delivery_id id, place at, std::uint64_t sent_as, std::size_t bytes);
    void lose(connection& c, const subscription& s, delivery_id id, undelivered_reason reason);

private:
    void acknowledged(connection& c, delivery_id id);
    void refused(connection& c, const subscription& s, delivery_id id);
    void watch(connection& c);
    void on_ack_time(connection& c);
    void give_back(connection& c);

    const config::config& config_;
    metrics& metrics_;
    bus_port& bus_;
    timer_port& timers_;
    subscriptions& subscriptions_;
    std::uint64_t& messages_;
    stomp_replies& replies_;
    deliveries& deliveries_;
    registrations& registrations_;
    departed& departed_;
};

}  // namespace wsidecar::core
