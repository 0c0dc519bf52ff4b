#include "sidecar/core/client_resources.hpp"

#include <array>
#include <cstddef>

namespace wsidecar::core {
namespace {

using r = client_resource;

constexpr std::array table{
    resource_bound{r::pending_connections, "pending_connections", "pod", true},
    resource_bound{r::pending_bytes, "pending_bytes", "pod", true},
    resource_bound{r::connections, "max_connections", "pod", true},
    resource_bound{r::request_head, "limits.headers", "request"},
    resource_bound{r::header_lines, "limits.header_count", "request"},
    resource_bound{r::message, "limits.message", "connection"},
    resource_bound{r::message_fragments, "limits.fragments", "connection"},
    resource_bound{r::message_time, "limits.message_time", "connection"},
    resource_bound{r::handshake_time, "limits.handshake", "request"},
    resource_bound{r::handshakes_of_address, "handshakes_per_address", "address"},
    resource_bound{r::handshakes_of_user, "handshakes_per_user", "user"},
    resource_bound{r::remembered_handshakes, "handshakes.remembered", "pod", true},
    resource_bound{r::stomp_frame, "limits.frame", "connection"},
    resource_bound{r::stomp_connect_time, "limits.first_frame", "connection"},
    resource_bound{r::stomp_transactions, "stomp.transactions", "connection"},
    resource_bound{r::stomp_subscriptions, "limits.subscriptions", "connection"},
    resource_bound{r::stomp_unacknowledged, "limits.unacknowledged", "connection"},
    resource_bound{r::waiting_events, "read_ahead", "connection"},
    resource_bound{r::outbound_queue, "limits.queue", "connection", true},
    resource_bound{r::list_pushes, "inbox.count", "pod", true},
    resource_bound{r::history_reads, "history.reads", "pod", true},
    resource_bound{r::history_reads_of_client, "history.reads_per_client", "user"},
    resource_bound{r::passed_requests, "pass.concurrency", "pod", true},
    resource_bound{r::ended_sockjs_sessions, "sockjs.ended", "pod", true},
    resource_bound{r::app_requests, "app.concurrency", "pod", true},
    resource_bound{r::app_answer_wait, "app.retry.deadline", "connection"},
    resource_bound{r::admin_connections, "admin.connections", "pod", true},
    resource_bound{r::admin_bodies, "admin.bodies", "pod", true},
    resource_bound{r::console_viewers, "console.viewers", "pod", true},
    resource_bound{r::console_questions, "console.questions", "pod", true},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].what) != i || table[i].limit.empty()) {
            return false;
        }
    }
    return table.size() == static_cast<std::size_t>(r::count);
}
static_assert(in_order(), "each client_resource has its bound, in order");

}  // namespace

std::span<const resource_bound> resource_bounds() {
    return table;
}

}  // namespace wsidecar::core
