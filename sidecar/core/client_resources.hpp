#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wsidecar::core {

/// Everything that somebody outside can make this process hold: one line for each, with what bounds it. Whoever adds a buffer
/// or a slot that a client, a page or a neighbour can take adds it here; the tests hold each line against its bound, its
/// counter and its gauge. Open connections are ended in the order of what they hold when memory is short (limits.memory),
/// whatever kind it is.
enum class client_resource : std::uint8_t {
    pending_connections,
    pending_bytes,
    connections,
    request_head,
    header_lines,
    message,
    message_fragments,
    message_time,
    handshake_time,
    handshakes_of_address,
    handshakes_of_user,
    remembered_handshakes,
    stomp_frame,
    stomp_connect_time,
    stomp_transactions,
    stomp_subscriptions,
    stomp_unacknowledged,
    waiting_events,
    outbound_queue,
    list_pushes,
    passed_requests,
    ended_sockjs_sessions,
    app_requests,
    app_answer_wait,
    admin_connections,
    admin_bodies,
    console_viewers,
    console_questions,
    count,
};

struct resource_bound {
    client_resource what;
    std::string_view limit;   ///< its name in wsidecar_limit, wsidecar_limit_used and wsidecar_limit_hits_total
    std::string_view holder;  ///< whose the bound is: pod, connection, address, user, request
    bool used = false;        ///< wsidecar_limit_used tells how much of it is taken
};

/// One for each client_resource, in order.
std::span<const resource_bound> resource_bounds();

// Bounds that are no setting.
inline constexpr std::size_t stomp_transaction_bytes = 1024 * 1024;  ///< of all that one connection has begun
inline constexpr std::size_t sockjs_ended_bytes =
    2UL * 1024 * 1024;                                      ///< of all sessions that are only told why they have ended
inline constexpr std::size_t read_ahead_bytes = 64 * 1024;  ///< of one connection: then it is read no more

}  // namespace wsidecar::core
