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
    /// `by_place`: among live ones, which are in the order of their places then. False: too many wait.
    bool hold(connection& c, connection::waiting_frames::held frame, bool mailbox, bool by_place = false);
    /// Whether a push that was kept goes among the live ones that wait, and not before them.
    static bool goes_by_place(const connection& c, const push_origin& from);
    /// Takes a live copy of a list push away that waits here. Its tag; 0: none does.
    std::uint64_t withdraw(connection& c, std::uint64_t sent_as);
    /// A copy from a history waits here: it becomes that of this delivery. False: none does.
    static bool take_over(connection& c, const push_origin& from, std::uint64_t sent_as);
    void expect_mailbox(const connection_ptr& c, std::uint32_t count);
    void mailbox_came(connection& c);
    void one_came(connection& c, const push_origin& from);
    void release(connection& c);

private:
    timer_port& timers_;
    deliveries& deliveries_;
};

// Inline: part of what each delivery costs.

inline void backlog::send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse, place at) {
    if (tag >= first_delivery_id) {
        c.unconfirmed.push_back(tag);
    }
    c.route->sse ? c.session->send_at(f, tag, collapse, at) : c.session->send(f, tag, collapse);
}

/// What waited for a client has its place in the history that the client asked for: the push may be in it, too, or older ones to the same name. Ids of events
/// must not go back, so a stream gets everything in the order of the places.
inline bool backlog::goes_by_place(const connection& c, const push_origin& from) {
    if (!from.mailbox) {
        return false;
    }
    return c.route->sse ? c.recalling || c.mailbox_due > 0 || c.session == nullptr
                        : c.recalling || (c.early && c.early->recalled > 0);
}

inline void backlog::one_came(connection& c, const push_origin& from) {
    if (from.mailbox && !from.kept) {
        mailbox_came(c);
    }
}

}  // namespace wsidecar::core
