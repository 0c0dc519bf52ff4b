#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class backlog;
class deliveries;
class history_reads;
struct handshake;

/// The most bytes of a client's queue that a history may fill.
inline std::size_t history_bytes(const connection& c) {
    return std::min<std::size_t>(c.route->limits.queue, history_reads_bytes) / 2;
}
/// Who shares the places for reading histories with this connection: those of its user, or of its address if it has none.
std::string reader_of(const connection& c, std::string_view address);
/// The key under which a push from a history is remembered as sent. `subscription` is the hash of a subscription, or 0 for a raw
/// connection.
std::uint64_t recall_key(place at, std::uint64_t subscription);
/// The cost of an answer, in seconds of a client's handshake rate: 200 us for each push, 200 us for each KiB and 2 ms for each name.
std::chrono::duration<double> history_cost(const history_answer& a, std::size_t names);
/// Counts and logs that a history differs from what was requested.
void note_history_problem(metrics& m, const connection& c, const char* problem);

/// Sends connections the pushes from before they joined or while they were away, from the histories of names. Event loop only.
class history {
public:
    history(context& x, history_reads& reads, core::deliveries& deliveries, core::backlog& backlog);

    void wish_as_stream(connection& c, const handshake& h);
    void wish_for(connection& c, proto::app_reply& r);
    void mark_before(const connection_ptr& c);
    /// Reads the histories that the connection asks for. `address` is charged for the cost (handshakes_per_address); empty for nobody.
    void recall(const connection_ptr& c, const std::string& address = {});
    bool is_recalled(connection& c, const proto::addresses& to, const push_origin& from) const;

private:
    void charge(const connection& c, std::string_view address, std::chrono::duration<double> cost);
    void drop_recalled(connection& c);
    void take_history(const connection_ptr& c, const history_wish& wish, const history_answer& a);
    void note_problem(const connection& c, const char* problem) { note_history_problem(metrics_, c, problem); }

    context& context_;
    metrics& metrics_;
    bus_port& bus_;
    timer_port& timers_;
    dedup& sent_;
    dedup& recalled_;
    history_reads& reads_;
    deliveries& deliveries_;
    backlog& backlog_;
};

}  // namespace wsidecar::core
