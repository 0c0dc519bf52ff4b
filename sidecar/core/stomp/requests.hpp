#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sidecar/core/context.hpp"
#include "sidecar/core/exchange.hpp"
#include "sidecar/core/handshake.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "sidecar/core/stomp/shared.hpp"

namespace wsidecar::core {

class inbound_lane;
class openings;
class pushes;
class stomp_acks;
class stomp_broker;
class stomp_joins;
class stomp_replies;
class stomp_subscribing;
class stomp_turns;

/// Processes frames of STOMP clients in order (CONNECT, SEND, DISCONNECT), and the app's answers to them. Event loop only.
class stomp_requests {
public:
    struct neighbours {
        stomp_replies& replies;
        stomp_acks& acks;
        stomp_broker& broker;
        stomp_joins& joins;
        stomp_turns& turns;
        stomp_subscribing& subscribing;
        core::inbound_lane& lane;
        core::openings& openings;
        core::pushes& pushes;
    };
    stomp_requests(context& x, const neighbours& n);

    void take_turn(const connection_ptr& c, inbound_work::item item);
    void reply(const exchange& x, const proto::app_reply& reply);
    void finished(const std::shared_ptr<exchange>& x, event_outcome outcome);

private:
    void connect(const connection_ptr& c, const stomp_request& r);
    void connect_answered(connection& c, handshake_verdict v);
    void connect_refused(connection& c, const handshake_verdict& v);
    void send(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, std::string body);
    std::optional<proto::envelope> push_to(const connection& c, const std::string& destination, bool answer) const;

    const config::config& config_;
    metrics& metrics_;
    bus_port& bus_;
    hub& hub_;
    stomp_replies& replies_;
    stomp_acks& acks_;
    stomp_broker& broker_;
    stomp_joins& joins_;
    stomp_turns& turns_;
    stomp_subscribing& subscribing_;
    inbound_lane& lane_;
    openings& openings_;
    pushes& pushes_;
};

}  // namespace wsidecar::core
