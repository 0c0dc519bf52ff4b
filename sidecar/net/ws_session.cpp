// ws_session: writing and ending. Reading is in ws_session_read.cpp, time in ws_session_time.cpp.

#include "sidecar/net/ws_session.hpp"

#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/endian/conversion.hpp>
#include <utility>

#include "proto/sockjs/sockjs.hpp"
#include "proto/ws/ws_frame.hpp"
#include "sidecar/net/session_tags.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// How long a peer may take to answer our close, and with progress at most (the bytes before it are still leaving).
constexpr auto close_deadline = 5s;
constexpr std::uint32_t close_deadline_at_most = 30'000;
/// How long we go on reading after our last byte, so that no RST overtakes it.
constexpr auto linger = 2s;
constexpr int parts_per_write = 64;

/// Which pushes a pong confirms: those that say so, unless the route does not wait for it; on a route that waits for it although
/// outbox.confirm does not, all (delivery ids are larger than any other tag).
std::uint64_t pong_confirms(const config::config& c, const config::route& r) {
    static_assert((core::first_delivery_id & (core::first_delivery_id - 1)) == 0);
    if (r.confirm == "write" || (r.confirm == "" && c.outbox.confirm == "write")) {
        return 0;
    }
    return c.outbox.confirm == "pong" ? core::confirm_by_pong : ~(core::first_delivery_id - 1);
}

}  // namespace

ws_session::ws_session(session_shared& shared, transport peer, core::connection_ptr conn, const proto::deflate_terms& deflate,
                       address_count::slot slot, framing f)
    : shared_(shared),
      route_(*conn->route),
      peer_(std::move(peer).detach()),
      conn_(std::move(conn)),
      deflate_bits_(deflate.send_bits),
      window_bits_(deflate.receive_bits),
      sockjs_(f == framing::sockjs),
      by_pong_(pong_confirms(*shared.config, route_)),
      slot_(std::move(slot)) {}

ws_session::~ws_session() {
    if (stage_ != stage::gone) {
        close_socket();
    }
}

void ws_session::close_socket() {
    shared_.sockets.remove(peer_.fd(), *this);
    ::close(peer_.release());
}

// ------------------------------------------------------------------------------------------------ writing

void ws_session::send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse) {
    if (stage_ != stage::open || overflowed_) {
        if (tag <= core::tag_channel) {
            shared_.metrics.undelivered.at({"closing"}) += 1;
        }
        return;
    }
    if (sockjs_) {
        frame = shared_.sockjs_framed(frame);
        if (!frame) {
            shared_.gateway.not_sent(*conn_, tag, "not_text");
            return;
        }
    }
    if (deflate_bits_ != 0) {
        frame = shared_.deflated(frame, deflate_bits_);
    }
    if (collapse != 0 && writing_) {
        make_room(collapse);
    }
    // Much for one client in one turn of the loop is no slow client yet: what the kernel takes is out of the way.
    if (queued_ + frame->bytes().size() > route_.limits.queue && !writing_ && write_out() == asio::error::would_block) {
        wait_writable();
    }
    // One message larger than the limit may still go out on its own.
    if (queued_ > 0 && queued_ + frame->bytes().size() > route_.limits.queue && !drop_waiting(frame->bytes().size())) {
        // Told at the end of the turn: whoever sends may be in the middle of its connections.
        overflowed_ = true;
        shared_.metrics.hit("queue");
        if (tag <= core::tag_channel) {
            shared_.metrics.undelivered.at({"queue"}) += 1;
        }
        drop_queue("queue");
        dirty_ = true;
        shared_.flush.add(*this);
        return;
    }
    if ((tag & by_pong_) != 0) {
        last_list_ = tag;
    }
    enqueue(std::move(frame), tag, collapse);
}

/// The peer is slow: what this one replaces need not reach it.
void ws_session::make_room(std::uint64_t collapse) {
    std::uint64_t tag = 0;
    const core::frame_ptr old = queue_ ? queue_->take_collapsed(collapse, tag) : nullptr;
    if (old) {
        left_out(old);
        shared_.gateway.collapsed(*conn_, tag);
    }
}

/// The queue is full: whether the route would rather lose messages than the connection, and did.
bool ws_session::drop_waiting(std::size_t needed) {
    const bool all = route_.slow_consumer == "collapse";
    if (!all && route_.slow_consumer != "drop_oldest") {
        return false;
    }
    const auto message = [](const out_queue::item& i) {
        return i.tag <= core::tag_channel || i.tag == core::tag_history || i.tag >= core::first_delivery_id;
    };
    while (queue_ && !queue_->empty() && (all || queued_ + needed > route_.limits.queue)) {
        const out_queue::item oldest = queue_->take_first(message);
        if (!oldest.frame) {
            break;  // what is left has begun: the new one waits behind it
        }
        left_out(oldest.frame);
        shared_.gateway.left_out(*conn_, oldest.tag);
    }
    if (queue_ && queue_->empty()) {
        shared_.give_queue(std::move(queue_));
    }
    return true;
}

void ws_session::left_out(const core::frame_ptr& frame) {
    const auto size = static_cast<std::uint32_t>(frame->bytes().size());
    queued_ -= size;
    total_ -= size;
    shared_.queued_bytes -= size;
}

/// A ping behind the list pushes, which carries the number of the last: its pong proves that all of them arrived.
void ws_session::ask_for_pong() {
    char payload[sizeof last_list_];
    boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(payload), last_list_);
    number_ = asked_ = last_list_;
    ping_at_ = total_;
    acknowledged_ = acknowledged();
    proof_due_ = shared_.clock.milliseconds() + ping_every() + pong_timeout();
    enqueue(core::frame::make(proto::opcode::ping, {payload, sizeof payload}), tag_control);
    if (ping_every() == 0) {
        shared_.clock.arm(*this, route_.pong_timeout);
    }
}

void ws_session::enqueue(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse) {
    const auto size = static_cast<std::uint32_t>(frame->bytes().size());
    if (!queue_) {
        queue_ = shared_.take_queue();
    }
    queue_->push(std::move(frame), tag, collapse);
    queued_ += size;
    total_ += size;
    shared_.queued_bytes += size;
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
    if (overflowed_ && stage_ == stage::open) {
        give_up_slow();
        dirty_ = false;
    }
    if (writing_) {
        return;
    }
    if (last_list_ != asked_ && number_ == 0 && stage_ == stage::open) {
        dirty_ = true;  // it leaves with this very flush
        ask_for_pong();
        dirty_ = false;
    }
    const boost::system::error_code ec = write_out();
    if (ec == asio::error::would_block) {
        wait_writable();
    } else if (ec) {
        lost();
    } else if (stage_ == stage::finishing) {
        end_output();
    }
    for (std::uint64_t& written : written_) {
        if (const auto last = std::exchange(written, 0); last != 0 && conn_) {
            shared_.gateway.confirmed(*conn_, last);
        }
    }
}

/// Writes until all is out (no error), or the kernel takes no more.
boost::system::error_code ws_session::write_out() {
    for (;;) {
        iovec parts[parts_per_write];
        const int count = queue_ ? queue_->gather(parts, parts_per_write) : 0;
        const io_result r = peer_.write_now(parts, count);
        if (r.n > 0) {
            left(r.n);
        }
        if (r.ec || !queue_) {
            return r.ec;
        }
    }
}

void ws_session::left(std::size_t bytes) {
    queued_ -= static_cast<std::uint32_t>(bytes);
    shared_.queued_bytes -= static_cast<double>(bytes);
    queue_->consume(bytes, [&](std::uint64_t tag) {
        if (tag >= core::first_delivery_id) {
            if ((tag & by_pong_) == 0) {
                written_[(tag & core::confirm_by_pong) != 0 ? 1 : 0] = tag;
            }
        } else if (tag == tag_pong) {
            --pongs_;
        } else {
            shared_.count_delivered(tag);
        }
    });
    if (queue_->empty()) {
        shared_.give_queue(std::move(queue_));
    }
}

void ws_session::wait_writable() {
    writing_ = true;  // on_ready() goes on
}

void ws_session::drop_queue(const char* reason, bool begun_too) {
    if (!queue_) {
        return;
    }
    const std::size_t dropped = queue_->drop_waiting(begun_too, [&](const out_queue::item& i) {
        if (i.tag == core::tag_answer || i.tag == core::tag_channel) {
            shared_.metrics.undelivered.at({reason}) += 1;
        } else if (i.tag == tag_pong) {
            --pongs_;
        }
    });
    queued_ -= static_cast<std::uint32_t>(dropped);
    shared_.queued_bytes -= static_cast<double>(dropped);
    if (queue_->empty()) {
        shared_.give_queue(std::move(queue_));
    }
}

// ------------------------------------------------------------------------------------------------- ending

void ws_session::close(std::uint16_t code, std::string_view reason) {
    begin_close(code, reason, "app");
}

std::size_t ws_session::held_bytes() const {
    return queued_ + reader_.buffered() + (conn_ ? conn_->held_bytes() : 0);
}

void ws_session::go_away(std::uint16_t code, std::string_view reason, const char* cause) {
    deliver_while_closing_ = true;
    begin_close(code, reason, cause);
}

void ws_session::begin_close(std::uint16_t code, std::string_view reason, const char* cause) {
    if (stage_ != stage::open || overflowed_) {
        return;
    }
    if (last_list_ != asked_) {
        ask_for_pong();  // the peer answers it before the close
    }
    enqueue_close(code, reason);
    stage_ = stage::closing;
    close_code_ = code;
    cause_ = cause;
    awaiting_pong_ = false;
    deadline_ = shared_.clock.milliseconds() + close_deadline_at_most;
    acknowledged_ = acknowledged();
    shared_.clock.arm(*this, close_deadline);
    // The peer's close lies behind what it sent before; without a reader of messages we read on to it.
    if (!deliver_while_closing_) {
        resume_reading();
    }
}

void ws_session::enqueue_close(std::uint16_t code, std::string_view reason) {
    if (sockjs_) {
        enqueue(core::frame::make(proto::opcode::text, proto::sockjs::close_frame(code, reason)), tag_control);
    }
    enqueue(close_frame(code, reason), tag_control);
}

void ws_session::closing_timeout() {
    if (!still_leaving()) {
        report(close_code_, "", cause_);
        gone();
    }
}

/// The bytes before the Close are on their way: waits once more.
bool ws_session::still_leaving() {
    const std::uint32_t now = acknowledged();
    const bool late = static_cast<std::int32_t>(shared_.clock.milliseconds() - deadline_) >= 0;
    if (now == acknowledged_ || late) {
        return false;
    }
    acknowledged_ = now;
    shared_.clock.arm(*this, close_deadline);
    return true;
}

void ws_session::give_up(std::string_view reason, const char* cause) {
    const boost::intrusive_ptr<ws_session> keep(this);
    if (stage_ != stage::open) {
        return;
    }
    drop_queue("queue");
    enqueue_close(1013, reason);
    finish();
    report(1013, reason, cause);
    reader_ = proto::ws_reader();  // what was begun is nobody's any more, and may be why memory is short
}

void ws_session::kill() {
    const boost::intrusive_ptr<ws_session> keep(this);
    if (stage_ != stage::gone) {
        report(stage_ == stage::closing ? close_code_ : 1001, "", stage_ == stage::closing ? cause_ : "shutdown");
        gone();
    }
}

void ws_session::report(std::uint16_t code, std::string_view reason, const char* cause) {
    if (!conn_) {
        return;
    }
    const core::connection_ptr conn = std::move(conn_);
    --shared_.open;
    shared_.gateway.closed(*conn, code, reason, cause);
}

void ws_session::lost() {
    const bool ours = stage_ == stage::closing;
    report(ours ? close_code_ : 1006, "", ours ? cause_ : "lost");
    gone();
}

void ws_session::finish() {
    if (stage_ == stage::open) {
        deadline_ = shared_.clock.milliseconds() + close_deadline_at_most;
        acknowledged_ = acknowledged();
    }
    stage_ = stage::finishing;
    awaiting_pong_ = false;
    shared_.clock.arm(*this, close_deadline);
    wait_readable();
    if (!dirty_ && !writing_) {
        dirty_ = true;  // flush() ends the output when all is out
        shared_.flush.add(*this);
    }
}

void ws_session::end_output() {
    peer_.shutdown_send();
    if (read_over_) {
        gone();
        return;
    }
    shared_.clock.arm(*this, linger);
}

void ws_session::gone() {
    if (stage_ == stage::gone) {
        return;
    }
    stage_ = stage::gone;
    drop_queue("connection_gone", true);
    reader_.forget_window();
    count_window();
    disarm();
    session_hook::unlink();
    close_socket();
    self_.reset();
}

bool ws_session::idle() const {
    return conn_ && !conn_->busy && !conn_->inbound && queued_ == 0;
}

}  // namespace wsidecar::net
