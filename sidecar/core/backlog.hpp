#pragma once

#include <cstddef>
#include <cstdint>

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class deliveries;

/// Frames that wait for one connection's 101, for its mailbox, or for the registry.
inline constexpr std::size_t held_at_most = 1024;

/// What goes to a connection before live pushes: the connect answer's body, its mailbox, its histories. Live pushes wait for them.
class backlog {
public:
    backlog(context& x, core::deliveries& deliveries) : timers_(x.timers), deliveries_(deliveries) {}

    void send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse = 0, place at = {});
    /// False: too many wait.
    /// `by_place`: it goes among the live pushes, by its place.
    bool hold(connection& c, connection::waiting_frames::held frame, bool mailbox, bool by_place = false);
    /// Whether a push that was kept goes among the live ones.
    static bool goes_by_place(const connection& c, const push_origin& from);
    void expect_mailbox(const connection_ptr& c, std::uint32_t count);
    void mailbox_came(connection& c);
    void one_came(connection& c, const push_origin& from);
    void release(connection& c);

private:
    timer_port& timers_;
    deliveries& deliveries_;
};

}  // namespace wsidecar::core
