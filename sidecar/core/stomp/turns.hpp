#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sidecar/core/context.hpp"
#include "sidecar/core/exchange.hpp"
#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {

class events;
class inbound_lane;
class stomp_replies;

/// How the turn of a STOMP client's frame ends, and the events that it may make before.
class stomp_turns {
public:
    /// `sender`: of the events.
    stomp_turns(context& x, event_sender& sender, stomp_replies& replies, core::inbound_lane& lane, core::events& events);

    /// The frame is done with: its receipt, and the next one's turn.
    void next(const connection_ptr& c, const stomp_request& r);
    /// The frame can't be done: its ERROR, and what stands behind it is not looked at.
    void refuse(const connection_ptr& c, const stomp_request& r, const char* reason, const std::string& why,
                std::uint16_t code = 1002);
    /// An event for the frame; its target has still to be set.
    std::shared_ptr<exchange> new_event(const connection_ptr& c, std::shared_ptr<stomp_request> r, proto::event_type type,
                                        const std::string& destination);
    void send_event(const std::shared_ptr<exchange>& x);

private:
    const config::config& config_;
    event_sender& sender_;
    stomp_replies& replies_;
    inbound_lane& lane_;
    events& events_;
};

}  // namespace wsidecar::core
