// ws_session: from the socket to the gateway.

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/endian/conversion.hpp>
#include <span>

#include "proto/sockjs/sockjs.hpp"
#include "sidecar/net/session_tags.hpp"
#include "sidecar/net/ws_session.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Reads in one turn, at most: a client that sends without pause must not hold the loop.
constexpr int reads_per_turn = 16;
/// Pongs in the queue before a new one takes the place of the last (RFC 6455 section 5.5.3).
constexpr std::uint8_t pongs_at_most = 16;

}  // namespace

void ws_session::start(std::string_view received) {
    const boost::intrusive_ptr<ws_session> keep(this);
    self_ = keep;
    shared_.sessions.push_back(*this);
    ++shared_.open;
    const error_code watched = shared_.sockets.add(peer_.fd(), *this);
    if (deflate_bits_ != 0 && !shared_.inflate) {
        shared_.inflate = std::make_unique<proto::inflater>();
    }
    if (sockjs_) {
        enqueue(core::frame::make(proto::opcode::text, proto::sockjs::open_frame), tag_control);
    }
    shared_.gateway.established(*conn_, *this);
    if (stage_ == stage::open) {
        start_pings();
    }
    if (watched) {  // the kernel is short of memory: nothing could ever be read
        lost();
        return;
    }
    if (!received.empty()) {
        std::string bytes(received);
        heard_ = true;
        take(bytes.data(), bytes.size());
    }
    resume_reading();
}

bool ws_session::may_read() const {
    return !read_over_ && (stage_ == stage::finishing || !paused_ || (stage_ == stage::closing && !deliver_while_closing_));
}

void ws_session::wait_readable() {
    if (reading_ || stage_ == stage::gone || !may_read()) {
        return;
    }
    if (ready_ || ended_) {
        resume_reading();
        return;
    }
    reading_ = waiting_ = true;
}

void ws_session::resume_reading() {
    // Not by waiting: OpenSSL may hold what the socket no longer shows. Not from here: who calls may not expect messages.
    if (reading_ || stage_ == stage::gone || !may_read()) {
        return;
    }
    reading_ = true;
    asio::post(shared_.loop, [self = boost::intrusive_ptr<ws_session>(this)] { self->on_readable(); });
}

void ws_session::on_ready(bool readable, bool writable, bool ended) {
    const boost::intrusive_ptr<ws_session> keep(this);
    ended_ |= ended;
    ready_ |= readable;
    if (writing_ && (writable || peer_.secure())) {
        writing_ = false;
        flush();
    }
    if (waiting_ && (ready_ || peer_.secure())) {
        on_readable();
    }
}

void ws_session::on_readable() {
    reading_ = waiting_ = false;
    if (stage_ != stage::gone) {
        read_on();
    }
}

void ws_session::read_on() {
    const boost::intrusive_ptr<ws_session> keep(this);
    auto& scratch = shared_.scratch;
    for (int i = 0; i < reads_per_turn && may_read(); ++i) {
        const io_result r = peer_.read_now(scratch.data(), scratch.size());
        if (r.ec == asio::error::would_block) {
            ready_ = ended_ = false;
            wait_readable();
            return;
        }
        if (r.ec) {
            on_read_end(r.ec);
            return;
        }
        heard_ = true;
        take(scratch.data(), r.n);
        if (stage_ == stage::gone) {
            return;
        }
        if (stage_ == stage::finishing) {
            break;  // our Close leaves before we look for the end
        }
        if (r.n < scratch.size() && !peer_.secure() && !ended_) {
            ready_ = false;
            wait_readable();
            return;
        }
    }
    resume_reading();
}

/// A peer that has only shut its sending side (eof) still gets what is queued.
void ws_session::on_read_end(error_code ec) {
    const bool more_to_write = ec == asio::error::eof && queue_ != nullptr;
    if (more_to_write && stage_ != stage::open) {
        read_over_ = true;
        if (stage_ == stage::closing) {
            finish();
            report(close_code_, "", cause_);
        }
        return;  // flush() goes on
    }
    if (stage_ == stage::finishing) {
        gone();
        return;
    }
    if (more_to_write) {
        write_out();  // as much as the kernel takes at once: without a Close there is nothing to wait for
    }
    lost();
}

void ws_session::take(char* bytes, std::size_t size) {
    const std::uint64_t message = route_.limits.message;
    const proto::ws_limits limits{sockjs_ ? proto::sockjs::encoded_limit(message) : message, route_.limits.fragments,
                                  deflate_bits_ != 0, window_bits_};
    std::span<char> in(bytes, size);
    // Once the gateway was told of the end, what still comes is nobody's.
    while (conn_) {
        const proto::ws_step step = reader_.next(in, limits, shared_.inflate.get());
        switch (step.what) {
            case proto::ws_event::need_more:
                count_window();
                if (!reader_.at_rest() && message_due_ == 0) {
                    watch_message();
                }
                return;
            case proto::ws_event::message:
                message_due_ = 0;
                sockjs_ ? on_sockjs(step.payload) : on_message(step.text, step.payload);
                break;
            case proto::ws_event::ping: on_ping(step.payload); break;
            case proto::ws_event::pong: on_pong(step.payload); break;
            case proto::ws_event::close: on_peer_close(step.code, step.reason); break;
            case proto::ws_event::error: on_violation(step.code, step.why); break;
        }
    }
    count_window();
}

void ws_session::count_window() {
    if (window_bits_ != 0) {
        const auto now = static_cast<std::uint32_t>(reader_.window());
        shared_.window_bytes += static_cast<double>(now) - window_;
        window_ = now;
    }
}

void ws_session::on_message(bool text, std::string_view payload) {
    if (overflowed_ || (stage_ == stage::closing && !deliver_while_closing_)) {
        shared_.metrics.undelivered.at({"closing"}) += 1;
        return;
    }
    if (!within_rate()) {
        on_violation(1008, "rate");
        return;
    }
    shared_.gateway.message(*conn_, text, payload);
}

/// One frame of the client, which holds any number of messages.
void ws_session::on_sockjs(std::string_view payload) {
    const auto messages = proto::sockjs::decode(payload);
    if (!messages) {
        on_violation(1007, messages.error().reason);
        return;
    }
    for (const auto& m : *messages) {
        if (!conn_) {
            return;
        }
        if (m.size() > route_.limits.message) {
            on_violation(1009, "message_too_big");
            return;
        }
        on_message(true, m);
    }
}

bool ws_session::within_rate() {
    const std::uint32_t limit = route_.limits.messages_per_second;
    if (limit == 0) {
        return true;
    }
    const std::uint32_t second = shared_.clock.milliseconds() / 1000;
    if (second != rate_second_) {
        rate_second_ = second;
        rate_count_ = 0;
    }
    return ++rate_count_ <= limit;
}

void ws_session::on_ping(std::string_view payload) {
    if (stage_ != stage::open || overflowed_) {
        return;  // nothing follows our close frame
    }
    auto pong = core::frame::make(proto::opcode::pong, payload);
    if (pongs_ >= pongs_at_most && queue_) {
        if (auto* last = queue_->last_waiting(tag_pong)) {
            const auto size = static_cast<std::uint32_t>(pong->bytes().size());
            const auto before = static_cast<std::uint32_t>(last->frame->bytes().size());
            queued_ += size - before;
            total_ += size - before;
            shared_.queued_bytes += static_cast<double>(size) - before;
            last->frame = std::move(pong);
            return;
        }
    }
    ++pongs_;
    enqueue(std::move(pong), tag_pong);
}

/// RFC 6455 section 5.5.3: the ping's own payload. Another number than the outstanding one confirms nothing; as a sign of life
/// any byte will do.
void ws_session::on_pong(std::string_view payload) {
    ponged_ = true;
    if (number_ == 0 || payload.size() != sizeof number_ ||
        boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(payload.data())) != number_) {
        return;
    }
    shared_.gateway.confirmed(*conn_, std::exchange(number_, 0));
    if (last_list_ != asked_ && stage_ == stage::open && !dirty_ && !writing_) {
        dirty_ = true;
        shared_.flush.add(*this);
    }
}

void ws_session::on_peer_close(std::uint16_t code, std::string_view reason) {
    if (stage_ == stage::closing) {
        finish();
        report(close_code_, "", cause_);
        return;
    }
    enqueue(close_frame(code, {}), tag_control);
    finish();
    report(code, reason, "client");
}

void ws_session::on_violation(std::uint16_t code, const char* why) {
    if (stage_ == stage::closing) {
        finish();
        report(close_code_, "", cause_);
        return;
    }
    enqueue(close_frame(code, why), tag_control);
    finish();
    report(code, why, why);
}

void ws_session::pause_reading(bool pause) {
    if (paused_ == pause || stage_ == stage::gone) {
        paused_ = pause;
        return;
    }
    paused_ = pause;
    if (!pause) {
        resume_reading();
        if (awaiting_pong_) {
            pong_due_ = shared_.clock.milliseconds() + pong_timeout();  // it stood still
        }
        proof_due_ = shared_.clock.milliseconds() + ping_every() + pong_timeout();
        if (message_due_ != 0) {
            message_due_ = shared_.clock.milliseconds() + message_time();
        }
    }
    if (stage_ == stage::open) {
        rearm();
    }
}

}  // namespace wsidecar::net
