#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/ws/ws_violation.hpp"

namespace wsidecar::core {

/// Why a connection ended. Values from `count` on are violations of RFC 6455; see close_cause_of().
enum class close_cause : std::uint8_t {
    app,             ///< the app, a push, or the gateway on the app's behalf closed it
    client,          ///< the client closed it
    lost,            ///< its socket ended without a Close frame
    drain,           ///< the instance is draining
    shutdown,        ///< the instance stops, without waiting for the client
    slow,            ///< the client is a slow consumer, or memory is short
    first_frame,     ///< STOMP: no CONNECT arrived, and another client needs the place
    pong_timeout,    ///< no pong arrived in time
    sockjs_timeout,  ///< SockJS over HTTP: no receiving request arrived in time
    message_time,    ///< a message was not complete in time
    rate,            ///< more messages per second than the route allows
    bad_json,        ///< SockJS: the client sent something else than a JSON array of strings
    relay,           ///< the app's STOMP relay ended the session
    count,
};

/// How a close cause appears to clients, in metrics and in logs.
struct close_terms {
    const char* label;      ///< `reason` in wsidecar_closes_total; also names the limit behind it (limit_behind)
    std::uint16_t code;     ///< the close code (RFC 6455 section 7.4); 0 if the caller chooses it
    std::string_view text;  ///< the reason in the Close frame
};

constexpr close_cause close_cause_of(proto::ws_violation v) {
    return static_cast<close_cause>(static_cast<unsigned>(close_cause::count) + static_cast<unsigned>(v));
}

constexpr close_terms terms(close_cause c) {
    constexpr auto count = static_cast<std::size_t>(close_cause::count);
    constexpr std::array<close_terms, count> all{{
        {"app", 0, ""},
        {"client", 0, ""},
        {"lost", 1006, ""},
        {"drain", 1001, "going away"},
        {"shutdown", 1001, ""},
        {"slow", 1013, "slow consumer"},
        {"first_frame", 1013, "no CONNECT has come, and others need the place"},
        {"pong_timeout", 1006, ""},
        {"sockjs_timeout", 1006, ""},
        {"message_time", 1008, "message_time"},
        {"rate", 1008, "rate"},
        {"bad_json", 1007, "bad_json"},
        {"relay", 1000, ""},
    }};
    const auto at = static_cast<std::size_t>(c);
    if (at < count) {
        return all[at];
    }
    const proto::ws_violation_terms v = proto::terms(static_cast<proto::ws_violation>(at - count));
    return {v.word, v.code, v.word};
}

}  // namespace wsidecar::core
