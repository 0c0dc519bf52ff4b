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

/// How an event ended.
enum class event_outcome : std::uint8_t {
    done,
    login_gone,      ///< the app knows the client's login no more
    given_up,        ///< the app did not take it within its deadline
    rejected,        ///< 4xx
    app_error,       ///< 5xx
    ambiguous,       ///< the app may have done it, and is not asked again
    answer_too_big,  ///< the app did it, and its answer is larger than app.max_answer
};
/// Label of wsidecar_events_total, and of wsidecar_undelivered_total where a message is lost.
constexpr const char* word(event_outcome o) {
    switch (o) {
        case event_outcome::done: return "done";
        case event_outcome::login_gone: return "login_gone";
        case event_outcome::given_up: return "given_up";
        case event_outcome::rejected: return "rejected";
        case event_outcome::app_error: return "app_error";
        case event_outcome::ambiguous: return "ambiguous";
        case event_outcome::answer_too_big: return "answer_too_big";
    }
    return "";
}

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
    /// It is over.
    virtual void finished(const std::shared_ptr<exchange>& x, event_outcome outcome) = 0;
};

}  // namespace wsidecar::core
