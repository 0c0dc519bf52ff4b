// ws_session: pings and deadlines, all on one timer entry.

#include <algorithm>

#include "proto/text/ids.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/session_tags.hpp"
#include "sidecar/net/ws_session.hpp"

namespace wsidecar::net {
namespace {

/// How often a connection that we do not read is looked at for the client's having gone.
constexpr std::uint32_t paused_look = 1000;

constexpr std::uint32_t shortest_look = 250;

/// Points in time are told apart modulo 2^32 ms: longer than 12 days is as good as never.
std::uint32_t in_milliseconds(std::chrono::milliseconds d) {
    return static_cast<std::uint32_t>(std::min<std::chrono::milliseconds::rep>(d.count(), 1U << 30U));
}

bool due(std::uint32_t at, std::uint32_t now) {
    return static_cast<std::int32_t>(now - at) >= 0;
}

std::uint32_t until(std::uint32_t at, std::uint32_t now) {
    return due(at, now) ? 0 : at - now;
}

}  // namespace

std::uint32_t ws_session::ping_every() const {
    return in_milliseconds(route_.ping);
}

std::uint32_t ws_session::pong_timeout() const {
    return in_milliseconds(route_.pong_timeout);
}

std::uint32_t ws_session::message_time() const {
    return in_milliseconds(route_.limits.message_time);
}

/// Something was begun that has not come whole: a frame, or a message of several.
void ws_session::watch_message() {
    message_due_ = (shared_.clock.milliseconds() + message_time()) | 1U;  // 0 is none
    if (stage_ == stage::open) {
        rearm();
    }
}

void ws_session::start_pings() {
    const std::uint32_t every = ping_every();
    if (every != 0) {
        // Spread from the start: a thousand clients that redial together must not be pinged together for ever.
        next_ping_ = shared_.clock.milliseconds() + every / 4 + proto::random_below(every - every / 4 + 1);
    }
    rearm();
}

void ws_session::on_timer() {
    const boost::intrusive_ptr<ws_session> keep(this);
    switch (stage_) {
        case stage::gone: return;
        case stage::finishing:
            if (!queue_ || !still_leaving()) {
                gone();
            }
            return;
        case stage::closing: closing_timeout(); return;
        case stage::open: break;
    }
    const std::uint32_t now = shared_.clock.milliseconds();
    if (paused_ && peer_.peer_gone()) {
        lost();
        return;
    }
    if (awaiting_pong_ && heard_) {
        awaiting_pong_ = false;
    }
    if ((awaiting_pong_ && due(pong_due_, now) && pong_overdue(now, pong_due_)) ||
        (number_ != 0 && due(proof_due_, now) && pong_overdue(now, proof_due_))) {
        tell_of_no_pongs();
        report(1006, "", "pong_timeout");
        gone();
        return;
    }
    if (message_due_ != 0 && due(message_due_, now)) {
        if (reader_.at_rest()) {
            message_due_ = 0;  // a control frame's it was
        } else if (paused_) {
            message_due_ = (now + message_time()) | 1U;  // it may lie in the socket, unread
        } else {
            on_violation(1008, "message_time");
            return;
        }
    }
    if (!awaiting_pong_ && ping_every() != 0 && due(next_ping_, now)) {
        ping(now);
    }
    rearm();
}

void ws_session::rearm() {
    const std::uint32_t now = shared_.clock.milliseconds();
    std::uint32_t wait = UINT32_MAX;
    if (ping_every() != 0) {
        wait = until(next_ping_, now);
    }
    if (awaiting_pong_) {
        // With pings more frequent than pong_timeout: look again whether it was heard, then the next one can go.
        wait = std::min(std::max(wait, shortest_look), until(pong_due_, now));
    }
    if (number_ != 0) {
        wait = std::min(wait, until(proof_due_, now));
    }
    if (paused_) {
        wait = std::min(wait, paused_look);
    }
    if (message_due_ != 0) {
        wait = std::min(wait, until(message_due_, now));
    }
    if (wait != UINT32_MAX) {
        shared_.clock.arm(*this, std::chrono::milliseconds(wait));
    }
}

void ws_session::ping(std::uint32_t now) {
    if (number_ == 0) {  // else one is on its way
        ping_at_ = total_;
        acknowledged_ = acknowledged();
        enqueue(shared_.ping, tag_control);
    }
    if (sockjs_ && conn_ && !conn_->beats_within(route_.ping)) {
        enqueue(shared_.sockjs_heartbeat, tag_control);  // for the page: it sees no pings
    }
    heard_ = false;
    awaiting_pong_ = true;
    next_ping_ = now + ping_every();
    pong_due_ = now + pong_timeout();
}

/// Its host has acknowledged our pings, but the client has never answered one: its library does not do so by itself.
void ws_session::tell_of_no_pongs() const {
    if (ponged_ || queued_ > 0 || peer_.unacknowledged() > 0) {
        return;
    }
    core::log::limited(core::log::level::warn, "connection",
                       "a client that got pings never answered one, and was closed: if its library sends no pongs, set "
                       "`confirm: write` and `ping: 0s` on its route",
                       {{"connection", conn_->id}, {"user", conn_->user}, {"path", conn_->path()}});
}

bool ws_session::pong_overdue(std::uint32_t now, std::uint32_t& due_at) {
    if (paused_) {
        // The pong may lie unread behind the client's messages.
        due_at = now + pong_timeout();
        return false;
    }
    const std::uint32_t before = acknowledged_;
    acknowledged_ = acknowledged();
    const bool had_arrived = due(ping_at_, before);
    if (!had_arrived && acknowledged_ != before) {
        // Bytes before the ping are still leaving: a slow downlink is no dead client.
        due_at = now + pong_timeout();
        return false;
    }
    return true;
}

std::uint32_t ws_session::acknowledged() const {
    return total_ - queued_ - static_cast<std::uint32_t>(peer_.unacknowledged());
}

}  // namespace wsidecar::net
