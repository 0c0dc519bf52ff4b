#pragma once

#include "sidecar/core/dialect.hpp"
#include "sidecar/core/stomp/acks.hpp"
#include "sidecar/core/stomp/broker.hpp"
#include "sidecar/core/stomp/frames.hpp"
#include "sidecar/core/stomp/joins.hpp"
#include "sidecar/core/stomp/replies.hpp"
#include "sidecar/core/stomp/requests.hpp"
#include "sidecar/core/stomp/subscribing.hpp"
#include "sidecar/core/stomp/turns.hpp"

namespace wsidecar::core {

/// The dialect of routes with `protocol: stomp`: the server's side of STOMP 1.0 to 1.2, compatible with Spring's broker.
class stomp_dialect final : public dialect {
public:
    struct neighbours {
        core::inbound_lane& lane;
        core::events& events;
        core::openings& openings;
        core::registrations& registrations;
        core::deliveries& deliveries;
        core::backlog& backlog;
        core::dispatch& dispatch;
        core::pushes& pushes;
        history_reads& reads;
    };
    stomp_dialect(context& x, const neighbours& n);

    void open(const std::shared_ptr<opening>& o, const handshake& h) override;
    void add_header(connection& c, const std::string& line) override;
    void established(connection& c) override;
    void token_expired(connection& c) override;
    void closed(connection& c) override;
    /// See gateway::end_silent_one().
    bool end_silent_one() { return frames_.end_silent_one(); }
    void received(connection& c, bool text, std::string_view payload) override;
    void take_turn(const connection_ptr& c, inbound_work::item item) override;
    std::size_t held_bytes(const connection& c) const override;
    bool beats_within(const connection& c, std::chrono::milliseconds period) const override;
    std::vector<std::string> names(const connection& c) const override;
    void reenroll(connection& c) override;
    std::vector<subscribed_to> subscriptions(const connection& c) const override;
    std::string route_name(const connection& c, const delivery& d, delivery_id id) const override;
    void drop_held(connection& c, std::vector<delivery_id>& left) override;
    std::uint64_t withdraw_held(connection& c, std::uint64_t sent_as) override;
    delivery_id withdraw_unacknowledged(connection& c, std::uint64_t sent_as) override { return acks_.withdraw(c, sent_as); }
    bool awaits_ack_of_history(connection& c, delivery_id id, place at, std::uint64_t sent_as, std::size_t bytes) override {
        return acks_.await_history(c, id, at, sent_as, bytes);
    }

    void reply(exchange& x, proto::app_reply& reply) override;
    void refuse(exchange& x, std::uint16_t code, const char* reason) override;
    void finished(const std::shared_ptr<exchange>& x, event_outcome outcome) override;

private:
    metrics& metrics_;
    deliveries& deliveries_;
    stomp_shared shared_;
    stomp_replies replies_;
    stomp_acks acks_;
    stomp_broker broker_;
    stomp_joins joins_;
    stomp_turns turns_;
    stomp_subscribing subscribing_;
    stomp_requests requests_;
    stomp_frames frames_;
};

}  // namespace wsidecar::core
