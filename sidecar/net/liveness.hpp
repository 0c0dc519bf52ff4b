#pragma once

#include <cstdint>

#include "config/config.hpp"
#include "sidecar/net/instant.hpp"

namespace wsidecar::net {

/// Decides whether a WebSocket's client is alive and when to ping it. It considers pongs and the bytes that the client's host has
/// acknowledged, so that a slow downlink does not count as a dead client. It does no I/O; the session reports what happened. Times are
/// timers::milliseconds(); byte counts are modulo 2^32 since the connection began.
class liveness {
public:
    /// Starts at a random phase, so that a thousand clients that redial together are not pinged together forever.
    void start(const config::route& r, std::uint32_t now);
    /// The client has sent something, or a pong.
    void heard() { heard_ = true; }
    void ponged() { ponged_ = true; }
    bool ever_ponged() const { return ponged_; }
    /// Stops expecting pongs, because the connection is being closed.
    void stop() { awaiting_pong_ = false; }

    bool wants_ping(const config::route& r, std::uint32_t now) const {
        return !awaiting_pong_ && r.ping.count() > 0 && is_due(next_ping_, now);
    }
    /// A ping was queued. Its pong or any other byte answers it.
    void pinged(const config::route& r, std::uint32_t now);
    /// A ping was queued that only its own pong answers.
    void asked_for_proof(const config::route& r, std::uint32_t now);
    /// A ping was queued after `total` bytes, of which the client's host has acknowledged `acknowledged`.
    void ping_stands_at(std::uint32_t total, std::uint32_t acknowledged) {
        ping_at_ = total;
        acknowledged_ = acknowledged;
    }
    /// Reading was resumed. The pong may have been unread in the socket meanwhile.
    void resumed(const config::route& r, std::uint32_t now);

    /// Whether no pong has come in time. `proof` says that a ping which only its own pong answers is outstanding; `paused` says that the
    /// socket is not read. `acknowledged()` returns the bytes that the client's host has acknowledged, and costs a system call.
    template <class Acknowledged>
    bool is_lost(const config::route& r, std::uint32_t now, bool proof, bool paused, Acknowledged acknowledged) {
        if (awaiting_pong_ && heard_) {
            awaiting_pong_ = false;
        }
        return (awaiting_pong_ && is_due(pong_due_, now) && is_overdue(r, now, paused, acknowledged, pong_due_)) ||
               (proof && is_due(proof_due_, now) && is_overdue(r, now, paused, acknowledged, proof_due_));
    }
    /// Milliseconds until the next check; UINT32_MAX if none is due.
    std::uint32_t next_look(const config::route& r, std::uint32_t now, bool proof) const;

    /// Begins to wait for the last bytes: as long as they make progress, but not beyond a deadline.
    void begin_leaving(std::uint32_t now, std::uint32_t acknowledged);
    /// Whether bytes have been acknowledged since the last call and the deadline has not passed.
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
