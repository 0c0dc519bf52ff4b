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

/// Ends the processing of a STOMP client's frame, and creates the events that it causes. Event loop only.
class stomp_turns {
public:
    /// `sender` is the sender of the events.
    stomp_turns(context& x, event_sender& sender, stomp_replies& replies, core::inbound_lane& lane, core::events& events);

    /// The frame was processed: sends its receipt and starts the next frame.
    void next(const connection_ptr& c, const stomp_request& r);
    /// The frame cannot be processed: sends an ERROR and ignores all further frames. `said` is what the app says about it, or null.
    void refuse(const connection_ptr& c, const stomp_request& r, const char* reason, const std::string& why,
                std::uint16_t code = 1002, const proto::stomp_error* said = nullptr);
    /// Creates an event for the frame. The caller sets its target.
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
