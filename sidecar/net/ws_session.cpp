// ws_session: writing, ending and time. Reading is in ws_session_read.cpp.

#include "sidecar/net/ws_session.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <utility>

#include "proto/sockjs/sockjs.hpp"
#include "proto/ws/ws_frame.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/session_tags.hpp"

namespace wsidecar::net {
using core::close_cause;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// How long a peer may take to answer our close, as long as the bytes before it make progress.
constexpr auto close_deadline = 5s;
/// How long we go on reading after our last byte, so that no RST overtakes it.
constexpr auto linger = 2s;
/// How often a connection that we do not read is looked at for the client's having gone.
constexpr std::uint32_t paused_look = 1000;
constexpr int parts_per_write = 64;

/// A route that waits for pongs although outbox.confirm does not has all its pushes confirmed by them.
confirm_by confirmation(const config::config& c, const config::route& r) {
    if (r.confirm == "write" || (r.confirm == "" && c.outbox.confirm == "write")) {
        return confirm_by::write;
    }
    return c.outbox.confirm == "pong" ? confirm_by::what_it_says : confirm_by::pong;
}

/// The client's host has acknowledged our pings, but the client has never answered one: its library does not do so by itself.
void tell_of_no_pongs(const core::connection& c) {
    core::log::limited(core::log::level::warn, "connection",
                       "a client that got pings never answered one, and was closed: if its library sends no pongs, set "
                       "`confirm: write` and `ping: 0s` on its route",
                       {{"connection", c.id}, {"user", c.user}, {"path", c.path()}});
}

}  // namespace

ws_session::ws_session(session_shared& shared, transport peer, core::connection_ptr conn, const proto::deflate_terms& deflate,
                       address_count::slot slot, framing f)
    : shared_(shared),
      route_(*conn->route),
      peer_(std::move(peer).detach()),
      conn_(std::move(conn)),
      out_(shared, confirmation(*shared.config, route_)),
      deflate_bits_(deflate.send_bits),
      sockjs_(f == framing::sockjs),
      in_(deflate.send_bits != 0, deflate.receive_bits),
      slot_(std::move(slot)) {}

ws_session::~ws_session() {
    if (stage_ != stage::gone) {
        shared_.sockets.remove(peer_.fd(), *this);
        ::close(peer_.release());
    }
}

// ------------------------------------------------------------------------------------------------ writing

void ws_session::send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse) {
    if (!out_.takes(stage_ == stage::open, tag)) {
        return;
    }
    if (sockjs_) {
        frame = shared_.sockjs_framed(frame);
        if (!frame) {
            shared_.gateway.not_sent(*conn_, tag, core::undelivered_reason::not_text);
            return;
        }
    }
    if (deflate_bits_ != 0) {
        frame = shared_.deflated(frame, deflate_bits_);
    }
    const auto write_now = [this] { writing_ = writing_ || write_out() == asio::error::would_block; };
    if (out_.send(*conn_, {std::move(frame), tag, collapse}, writing_, write_now)) {
        wake_flusher();
    } else {
        dirty_ = true;  // flush() ends it
        shared_.flush.add(*this);
    }
}

void ws_session::ask_for_pong() {
    live_.ping_stands_at(out_.total(), acknowledged());
    live_.asked_for_proof(route_, shared_.clock.milliseconds());
    out_.put_ping();
    if (route_.ping.count() == 0) {
        shared_.clock.arm(*this, route_.pong_timeout);
    }
}

std::uint32_t ws_session::acknowledged() const {
    return out_.total() - static_cast<std::uint32_t>(out_.bytes() + peer_.unacknowledged());
}

void ws_session::enqueue(core::frame_ptr frame) {
    out_.put({std::move(frame), tag_control});
    wake_flusher();
}

void ws_session::wake_flusher() {
    // While the socket is full, its becoming writable is what wakes us.
    if (!dirty_ && !writing_) {
        dirty_ = true;
        shared_.flush.add(*this);
    }
}

void ws_session::flush() {
    dirty_ = false;  // who calls holds this session
    if (stage_ == stage::gone) {
        return;
    }
    if (out_.overflowed() && stage_ == stage::open) {
        give_up(close_cause::slow);
        dirty_ = false;
    }
    if (writing_) {
        return;
    }
    if (out_.needs_ping() && !out_.awaits_pong() && stage_ == stage::open) {
        ask_for_pong();
    }
    const boost::system::error_code ec = write_out();
    if (ec == asio::error::would_block) {
        writing_ = true;  // on_ready() goes on
    } else if (ec) {
        lost();
    } else if (stage_ == stage::finishing) {
        peer_.shutdown_send();
        if (read_over_) {
            gone();
        } else {
            shared_.clock.arm(*this, linger);
        }
    }
    out_.confirm(conn_.get());
}

/// Writes until all is out (no error), or the kernel takes no more.
boost::system::error_code ws_session::write_out() {
    for (;;) {
        iovec parts[parts_per_write];
        const io_result r = peer_.write_now(parts, out_.gather(parts, parts_per_write));
        if (r.n > 0) {
            out_.left(r.n);
        }
        if (r.ec || out_.empty()) {
            return r.ec;
        }
    }
}

// ------------------------------------------------------------------------------------------------- ending

void ws_session::close(std::uint16_t code, std::string_view reason) {
    begin_close(code, reason, close_cause::app);
}

std::size_t ws_session::held_bytes() const {
    return out_.bytes() + in_.buffered() + (conn_ ? conn_->held_bytes() : 0);
}

void ws_session::go_away(close_cause cause) {
    deliver_while_closing_ = true;
    begin_close(terms(cause).code, terms(cause).text, cause);
}

void ws_session::begin_close(std::uint16_t code, std::string_view reason, close_cause cause) {
    if (stage_ != stage::open || out_.overflowed()) {
        return;
    }
    if (out_.needs_ping()) {
        ask_for_pong();  // the peer answers it before the close
    }
    enqueue_close(code, reason);
    stage_ = stage::closing;
    close_code_ = code;
    cause_ = cause;
    live_.stop();
    live_.begin_leaving(shared_.clock.milliseconds(), acknowledged());
    shared_.clock.arm(*this, close_deadline);
    // The peer's close lies behind what it sent before; without a reader of messages we read on to it.
    if (!deliver_while_closing_) {
        resume_reading();
    }
}

void ws_session::enqueue_close(std::uint16_t code, std::string_view reason) {
    if (sockjs_) {
        enqueue(core::frame::make(proto::opcode::text, proto::sockjs::close_frame(code, reason)));
    }
    enqueue(close_frame(code, reason));
}

/// The bytes before the Close are on their way: waits once more.
bool ws_session::still_leaving() {
    const bool leaving = live_.still_leaving(shared_.clock.milliseconds(), acknowledged());
    if (leaving) {
        shared_.clock.arm(*this, close_deadline);
    }
    return leaving;
}

void ws_session::give_up(close_cause cause) {
    const boost::intrusive_ptr<ws_session> keep(this);
    if (stage_ != stage::open) {
        return;
    }
    out_.drop(core::undelivered_reason::queue);
    enqueue_close(terms(cause).code, terms(cause).text);
    finish();
    report(terms(cause).code, terms(cause).text, cause);
    in_.drop(shared_);  // nobody wants what was begun, and it may be why memory is short
}

void ws_session::kill() {
    const boost::intrusive_ptr<ws_session> keep(this);
    if (stage_ != stage::gone) {
        report(stage_ == stage::closing ? close_code_ : 1001, "", stage_ == stage::closing ? cause_ : close_cause::shutdown);
        gone();
    }
}

void ws_session::report(std::uint16_t code, std::string_view reason, close_cause cause) {
    if (!conn_) {
        return;
    }
    const core::connection_ptr conn = std::move(conn_);
    --shared_.open;
    shared_.gateway.closed(*conn, code, reason, cause);
}

void ws_session::lost() {
    const bool ours = stage_ == stage::closing;
    report(ours ? close_code_ : 1006, "", ours ? cause_ : close_cause::lost);
    gone();
}

void ws_session::finish() {
    if (stage_ == stage::open) {
        live_.begin_leaving(shared_.clock.milliseconds(), acknowledged());
    }
    stage_ = stage::finishing;
    live_.stop();
    shared_.clock.arm(*this, close_deadline);
    wait_readable();
    wake_flusher();  // flush() ends the output when all is out
}

void ws_session::gone() {
    if (stage_ == stage::gone) {
        return;
    }
    stage_ = stage::gone;
    out_.drop(core::undelivered_reason::connection_gone, true);
    in_.end(shared_);
    disarm();
    session_hook::unlink();
    shared_.sockets.remove(peer_.fd(), *this);
    ::close(peer_.release());
    if (holds_itself_) {
        holds_itself_ = false;
        intrusive_ptr_release(this);  // may destroy this object
    }
}

bool ws_session::idle() const {
    return conn_ && !conn_->busy && !conn_->inbound && out_.empty();
}

// --------------------------------------------------------------------------------------------------- time

void ws_session::on_timer() {
    const boost::intrusive_ptr<ws_session> keep(this);
    switch (stage_) {
        case stage::gone: return;
        case stage::finishing:
            if (out_.empty() || !still_leaving()) {
                gone();
            }
            return;
        case stage::closing:
            if (!still_leaving()) {
                report(close_code_, "", cause_);
                gone();
            }
            return;
        case stage::open: break;
    }
    if (paused_ && peer_.peer_gone()) {
        lost();
        return;
    }
    const std::uint32_t now = shared_.clock.milliseconds();
    if (live_.is_lost(route_, now, out_.awaits_pong(), paused_, [this] { return acknowledged(); })) {
        if (!live_.ever_ponged() && out_.empty() && peer_.unacknowledged() == 0) {
            tell_of_no_pongs(*conn_);
        }
        report(terms(close_cause::pong_timeout).code, "", close_cause::pong_timeout);
        gone();
        return;
    }
    if (in_.is_late(route_, now, paused_)) {
        break_off(close_cause::message_time);
        return;
    }
    if (live_.wants_ping(route_, now)) {
        if (!out_.awaits_pong()) {  // else one is on its way
            live_.ping_stands_at(out_.total(), acknowledged());
            enqueue(shared_.ping);
        }
        if (sockjs_ && conn_ && !conn_->beats_within(route_.ping)) {
            enqueue(shared_.sockjs_heartbeat);  // for the page: it sees no pings
        }
        live_.pinged(route_, now);
    }
    rearm();
}

void ws_session::rearm() {
    const std::uint32_t now = shared_.clock.milliseconds();
    const std::uint32_t look = std::min(live_.next_look(route_, now, out_.awaits_pong()), in_.next_look(now));
    const std::uint32_t wait = paused_ ? std::min(look, paused_look) : look;
    if (wait != UINT32_MAX) {
        shared_.clock.arm(*this, std::chrono::milliseconds(wait));
    }
}

}  // namespace wsidecar::net
