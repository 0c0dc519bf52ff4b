#pragma once

#include <cstddef>
#include <cstdint>

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class deliveries;

/// The most frames of one subscription that wait for the registry. For a connection's 101 or its mailbox, so many frames may wait
/// whatever their size.
inline constexpr std::size_t held_at_most = 1024;

/// Sends what a connection gets before live pushes: the connect answer's body, its mailbox, its histories. Live pushes are held until
/// all of that has been sent. Event loop only.
class backlog {
public:
    backlog(context& x, core::deliveries& deliveries) : timers_(x.timers), deliveries_(deliveries) {}

    void send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse = 0, place at = {});
    /// Holds a frame. With `by_place`, it is sorted by its place among the live frames. Returns false if live pushes fill
    /// limits.queue.
    bool hold(connection& c, connection::waiting_frames::held frame, bool mailbox, bool by_place = false);
    /// Whether a kept push is sorted among the waiting live pushes instead of going before them.
    static bool goes_by_place(const connection& c, const push_origin& from);
    /// Removes a waiting live copy of a list push. Returns its tag, or 0 if none waits.
    std::uint64_t withdraw(connection& c, std::uint64_t sent_as);
    /// Assigns a waiting copy from a history to this delivery. Returns false if none waits.
    static bool take_over(connection& c, const push_origin& from, std::uint64_t sent_as);
    void expect_mailbox(const connection_ptr& c, std::uint32_t count);
    void mailbox_came(connection& c);
    void one_came(connection& c, const push_origin& from);
    void release(connection& c);

private:
    timer_port& timers_;
    deliveries& deliveries_;
};

// Inline because every delivery runs this code.

inline void backlog::send(connection& c, const frame_ptr& f, std::uint64_t tag, std::uint64_t collapse, place at) {
    if (tag >= first_delivery_id) {
        c.unconfirmed.push_back(tag);
    }
    c.route->sse ? c.session->send_at(f, tag, collapse, at) : c.session->send(f, tag, collapse);
}

/// What is for the client's user alone goes before histories. A push to many that waited for the client has its place in the history that
/// the client asked for: the push itself may be in it, or older ones to the same name. What the mailbox has behind such a push must stay
/// behind it. The ids of server-sent events must not go back, so an event stream gets everything in the order of places.
inline bool backlog::goes_by_place(const connection& c, const push_origin& from) {
    if (!from.mailbox) {
        return false;
    }
    return c.route->sse ? c.recalling || c.mailbox_due > 0 || c.session == nullptr
                        : (from.kept || from.in_order || (c.early && c.early->mailbox_in_order)) &&
                              (c.recalling || (c.early && c.early->recalled > 0));
}

inline void backlog::one_came(connection& c, const push_origin& from) {
    if (from.mailbox && !from.kept) {
        mailbox_came(c);
    }
}

}  // namespace wsidecar::core
