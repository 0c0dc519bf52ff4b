#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "proto/cloudevents.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/tracer.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class event_sender;

/// One event on its way to the app: the same ce-id however often it is sent.
struct exchange {
    event_sender* sender = nullptr;  ///< outlives it
    connection_ptr c;
    proto::event_type type{};
    app_request request;  ///< without headers: they say the attempt
    proto::event_head head;
    timer_port::clock::time_point since;  ///< the last attempt or wait began
    timer_port::clock::time_point begun;  ///< the first attempt
    std::chrono::milliseconds spent_up{};
    std::chrono::milliseconds spent_down{};
    unsigned attempts = 0;
    unsigned status = 0;  ///< of the answer that ended it; 0: none
    timer_port::handle timer;
    std::function<void(bool)> taken;       ///< a survivor's disconnect: whoever asked
    span_ptr span;                         ///< of all its attempts; null: not traced
    std::shared_ptr<stomp_request> stomp;  ///< the frame that it is for
};

/// Whose events they are: decides what an answer means to the client.
class event_sender {
public:
    virtual ~event_sender() = default;
    /// What the app's answer says to the client goes to it.
    virtual void reply(exchange& x, proto::app_reply& reply) = 0;
    /// The connection ends for what the app said, or did not say.
    virtual void refuse(exchange& x, std::uint16_t code, const char* reason) = 0;
    /// It is over. `result`: label of wsidecar_events_total.
    virtual void finished(const std::shared_ptr<exchange>& x, const char* result) = 0;
};

}  // namespace wsidecar::core
