#pragma once

// What gateway keeps of things under way; only its own sources see it.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "sidecar/core/gateway.hpp"

namespace wsidecar::core {

/// A connection that the app, or Redis, has still to say yes to.
struct gateway::pending_open {
    connection_ptr c;
    std::string connect_headers;
    std::string traceparent;
    std::function<void(handshake_verdict)> done;
    handshake_verdict verdict;  ///< of an acceptance, while the registry is asked
    std::optional<proto::close_order> close;
    bool asked = false;  ///< the connect event went out
};

/// One event on its way to the app: the same ce-id however often it is sent.
struct gateway::exchange {
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

/// What an answer sends to its client, in order.
inline std::vector<frame_ptr> messages_of(const proto::app_reply& reply) {
    std::vector<frame_ptr> out;
    const auto add = [&](const proto::app_reply::text_or_binary& m) {
        out.push_back(frame::make(m.text ? proto::opcode::text : proto::opcode::binary, m.payload));
    };
    if (reply.message) {
        add(*reply.message);
    }
    std::for_each(reply.more.begin(), reply.more.end(), add);
    return out;
}

}  // namespace wsidecar::core
