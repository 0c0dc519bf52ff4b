#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class backlog;
class deliveries;
struct handshake;

/// How much of a client's queue a history may fill.
inline std::size_t history_bytes(const connection& c) {
    return c.route->limits.queue / 2;
}
/// What a connection has had from a history: by the push's place, and the hash of a subscription (0: a raw connection).
std::uint64_t recall_key(place at, std::uint64_t subscription);
/// What an answer of so many names' histories has cost Redis, as a share of the time in which one client may do so: a message costs 200 us
/// of it, one KiB as much, a name 2 ms.
std::chrono::duration<double> history_cost(const history_answer& a, std::size_t names);
/// Counts and logs that a history is not given as it was asked for.
void note_history_problem(metrics& m, const connection& c, const char* problem);

/// What was pushed before a connection joined, or while it was away, from the histories of names.
class history {
public:
    history(context& x, core::deliveries& deliveries, core::backlog& backlog);

    void wish_as_stream(connection& c, const handshake& h);
    void wish_for(connection& c, proto::app_reply& r);
    void mark_before(const connection_ptr& c);
    /// `address`: whose handshakes_per_address pays for it; empty: nobody's.
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
    deliveries& deliveries_;
    backlog& backlog_;
};

}  // namespace wsidecar::core
