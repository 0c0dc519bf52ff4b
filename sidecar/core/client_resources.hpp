#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wsidecar::core {

/// Everything that a peer can make this process hold, one enumerator each. A change that adds a buffer or a slot for clients, pages or
/// neighbours must add it here; the tests check the bound, the counter and the gauge of each. When memory is short (limits.memory), the
/// open connections that hold most are closed first, whatever kind of resource it is.
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
    history_reads,
    history_reads_of_client,
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
    std::string_view limit;   ///< the label `name` in wsidecar_limit, wsidecar_limit_used and wsidecar_limit_hits_total
    std::string_view holder;  ///< what the bound applies to: pod, connection, address, user, request
    bool used = false;        ///< whether wsidecar_limit_used reports its use
};

/// One element for each client_resource, in the order of the enumerators.
std::span<const resource_bound> resource_bounds();

// Bounds that are not configurable.
inline constexpr std::size_t stomp_transaction_bytes = 1024 * 1024;  ///< of all open transactions of one connection
inline constexpr std::size_t sockjs_ended_bytes =
    2UL * 1024 * 1024;  ///< of all ended sessions that are kept to report why they ended
inline constexpr std::size_t history_reads_bytes = 8UL * 1024 * 1024;  ///< of all histories that are being read
inline constexpr std::size_t history_reads_per_client = 4;
inline constexpr std::size_t read_ahead_bytes = 64 * 1024;  ///< of one connection; above it, the connection is not read

}  // namespace wsidecar::core
