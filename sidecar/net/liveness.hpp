#pragma once

#include <cstdint>

#include "config/config.hpp"
#include "sidecar/net/instant.hpp"

namespace wsidecar::net {

/// Whether the client of a WebSocket is still there, and when it is asked again: pings, its pongs, and what its host has acknowledged,
/// so that a slow downlink is not taken for a dead client. Without I/O: its session tells it what happened, and when. Times are
/// timers::milliseconds(); bytes are counted modulo 2^32 since the connection began.
class liveness {
public:
    /// Spreads the pings from the start: a thousand clients that redial together must not be pinged together for ever.
    void start(const config::route& r, std::uint32_t now);
    /// The client has sent something, or a pong.
    void heard() { heard_ = true; }
    void ponged() { ponged_ = true; }
    bool ever_ponged() const { return ponged_; }
    /// Nothing is asked any more: the connection is being closed.
    void stop() { awaiting_pong_ = false; }

    bool wants_ping(const config::route& r, std::uint32_t now) const {
        return !awaiting_pong_ && r.ping.count() > 0 && is_due(next_ping_, now);
    }
    /// A ping has been put; its pong, or anything else, is expected.
    void pinged(const config::route& r, std::uint32_t now);
    /// A ping that only its own pong answers has been put: any other byte is no proof.
    void asked_for_proof(const config::route& r, std::uint32_t now);
    /// A ping is put behind `total` bytes, of which the client's host has acknowledged so many.
    void ping_stands_at(std::uint32_t total, std::uint32_t acknowledged) {
        ping_at_ = total;
        acknowledged_ = acknowledged;
    }
    /// What the client sends is read again: its pong may have been waiting all the time.
    void resumed(const config::route& r, std::uint32_t now);

    /// No pong has come in time. `proof`: one that only its own pong answers is outstanding. `paused`: nothing is read. `acknowledged()`: how many
    /// bytes the client's host has acknowledged; asking costs a system call.
    template <class Acknowledged>
    bool is_lost(const config::route& r, std::uint32_t now, bool proof, bool paused, Acknowledged acknowledged) {
        if (awaiting_pong_ && heard_) {
            awaiting_pong_ = false;
        }
        return (awaiting_pong_ && is_due(pong_due_, now) && is_overdue(r, now, paused, acknowledged, pong_due_)) ||
               (proof && is_due(proof_due_, now) && is_overdue(r, now, paused, acknowledged, proof_due_));
    }
    /// Milliseconds until there is something to see to; UINT32_MAX: nothing is due.
    std::uint32_t next_look(const config::route& r, std::uint32_t now, bool proof) const;

    /// The last bytes are leaving: for as long as they make progress, but not beyond a deadline.
    void begin_leaving(std::uint32_t now, std::uint32_t acknowledged);
    /// Some have been acknowledged since it was last asked, and the deadline has not come.
    bool still_leaving(std::uint32_t now, std::uint32_t acknowledged);

private:
    template <class Acknowledged>
    bool is_overdue(const config::route& r, std::uint32_t now, bool paused, Acknowledged acknowledged, std::uint32_t& due_at) {
        if (!paused) {
            const std::uint32_t before = acknowledged_;
            acknowledged_ = acknowledged();
            if (is_due(ping_at_, before) || acknowledged_ == before) {
                return true;  // the ping had arrived, or nothing moves
            }
        }
        // The pong may lie unread behind the client's messages, or the ping stands behind bytes that are still leaving.
        due_at = now + in_milliseconds(r.pong_timeout);
        return false;
    }

    std::uint32_t next_ping_ = 0;
    std::uint32_t pong_due_ = 0;
    std::uint32_t proof_due_ = 0;
    std::uint32_t deadline_ = 0;      ///< of leaving
    std::uint32_t ping_at_ = 0;       ///< bytes before the ping
    std::uint32_t acknowledged_ = 0;  ///< bytes, at the last look
    bool heard_ : 1 = false;          ///< any byte since the last ping
    bool awaiting_pong_ : 1 = false;
    bool ponged_ : 1 = false;  ///< it has answered a ping
};

}  // namespace wsidecar::net
