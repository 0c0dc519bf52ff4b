#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "proto/cloudevents.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/tracer.hpp"
#include "sidecar/core/undelivered_reason.hpp"

namespace wsidecar::proto {
struct app_reply;
struct stomp_error;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class event_sender;

/// How an event ended.
enum class event_outcome : std::uint8_t {
    done,
    login_gone,      ///< the app no longer accepts the client's login
    given_up,        ///< the app did not accept it within its deadline
    rejected,        ///< 4xx
    app_error,       ///< 5xx
    ambiguous,       ///< the app may have processed it, so it is not repeated
    answer_too_big,  ///< the app processed it, but its answer is larger than app.max_answer
};
/// The label in wsidecar_events_total, and in wsidecar_undelivered_total if a message is lost.
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

/// Why a message that ended like this is undelivered: its own reason, where the app had it and did not take it.
constexpr undelivered_reason undelivered_reason_of(event_outcome o) {
    switch (o) {
        case event_outcome::app_error: return undelivered_reason::app_error;
        case event_outcome::ambiguous: return undelivered_reason::ambiguous;
        case event_outcome::answer_too_big: return undelivered_reason::answer_too_big;
        case event_outcome::login_gone: return undelivered_reason::login_gone;
        case event_outcome::given_up: return undelivered_reason::app_deadline;
        case event_outcome::done:
        case event_outcome::rejected: break;
    }
    return undelivered_reason::rejected;
}

/// One event on its way to the app. It keeps its ce-id however often it is sent.
struct exchange {
    event_sender* sender = nullptr;  ///< must outlive the exchange
    connection_ptr c;
    proto::event_type type{};
    app_request request;  ///< without headers, which differ for each attempt
    proto::event_head head;
    timer_port::clock::time_point since;  ///< when the last attempt or wait began
    timer_port::clock::time_point begun;  ///< when the first attempt began
    std::chrono::milliseconds spent_up{};
    std::chrono::milliseconds spent_down{};
    unsigned attempts = 0;
    unsigned status = 0;  ///< HTTP status of the final answer; 0 if there was none
    timer_port::handle timer;
    std::function<void(bool)> taken;                  ///< for disconnect_on_behalf(): the caller's `done`
    span_ptr span;                                    ///< covers all attempts; null if not traced
    std::shared_ptr<stomp_request> stomp;             ///< the STOMP frame that caused it, or null
    std::shared_ptr<const proto::stomp_error> error;  ///< what the app's refusal of that frame says to the client, or null
};

/// The sender of an event, which decides what the answer means for the client.
class event_sender {
public:
    virtual ~event_sender() = default;
    /// Sends the content of the app's answer to the client.
    virtual void reply(exchange& x, proto::app_reply& reply) = 0;
    /// Closes the connection because of the app's answer or the lack of one.
    virtual void refuse(exchange& x, std::uint16_t code, const char* reason) = 0;
    /// The event has ended. Called exactly once, last.
    virtual void finished(const std::shared_ptr<exchange>& x, event_outcome outcome) = 0;
};

}  // namespace wsidecar::core
