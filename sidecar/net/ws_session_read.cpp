// ws_session: from the socket to the gateway.

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <span>

#include "proto/sockjs/sockjs.hpp"
#include "sidecar/net/session_tags.hpp"
#include "sidecar/net/ws_session.hpp"

namespace wsidecar::net {
using core::close_cause;
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Reads in one turn, at most: a client that sends without pause must not hold the loop.
constexpr int reads_per_turn = 16;

}  // namespace

void ws_session::start(std::string_view received) {
    const boost::intrusive_ptr<ws_session> keep(this);
    intrusive_ptr_add_ref(this);
    holds_itself_ = true;
    shared_.sessions.push_back(*this);
    ++shared_.open;
    const error_code watched = shared_.sockets.add(peer_.fd(), *this);
    if (deflate_bits_ != 0 && !shared_.inflate) {
        shared_.inflate = std::make_unique<proto::inflater>();
    }
    if (sockjs_) {
        enqueue(core::frame::make(proto::opcode::text, proto::sockjs::open_frame));
    }
    shared_.gateway.established(*conn_, *this);
    if (stage_ == stage::open) {
        live_.start(route_, shared_.clock.milliseconds());
        rearm();
    }
    if (watched) {  // the kernel is short of memory: nothing could ever be read
        lost();
        return;
    }
    if (!received.empty()) {
        std::string bytes(received);
        live_.heard();
        take(bytes.data(), bytes.size());
    }
    if (peer_.secure()) {
        resume_reading();
    } else {
        wait_readable();  // what has come already is reported in the next turn
    }
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
    // Waiting does not suffice, because OpenSSL may hold bytes that the socket no longer shows; and the caller may not expect messages now.
    if (reading_ || stage_ == stage::gone || !may_read()) {
        return;
    }
    reading_ = true;
    asio::post(shared_.loop, [self = boost::intrusive_ptr<ws_session>(this)] { self->read_on(); });
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
        read_on();
    }
}

void ws_session::read_on() {
    const boost::intrusive_ptr<ws_session> keep(this);
    reading_ = waiting_ = false;
    if (stage_ == stage::gone) {
        return;
    }
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
        live_.heard();
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
    const bool more_to_write = ec == asio::error::eof && !out_.empty();
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
    const std::uint64_t most = route_.limits.message;
    std::span<char> in(bytes, size);
    // After gateway::closed(), further input is discarded.
    while (conn_) {
        const proto::ws_step step = in_.next(in, route_, sockjs_ ? proto::sockjs::encoded_limit(most) : most, shared_);
        switch (step.what) {
            case proto::ws_event::need_more:
                if (in_.begins()) {
                    in_.expect(route_, shared_.clock.milliseconds());
                    if (stage_ == stage::open) {
                        rearm();
                    }
                }
                return;
            case proto::ws_event::message: sockjs_ ? on_sockjs(step.payload) : on_message(step.text, step.payload); break;
            case proto::ws_event::ping:
                if (stage_ == stage::open && !out_.overflowed()) {  // nothing follows our close frame
                    out_.put_pong(core::frame::make(proto::opcode::pong, step.payload));
                    wake_flusher();
                }
                break;
            case proto::ws_event::pong: on_pong(step.payload); break;
            case proto::ws_event::close: end_by_client(close_cause::client, step.code, step.reason); break;
            case proto::ws_event::error: break_off(core::close_cause_of(step.why)); break;
        }
    }
}

void ws_session::on_message(bool text, std::string_view payload) {
    if (out_.overflowed() || (stage_ == stage::closing && !deliver_while_closing_)) {
        shared_.metrics.undelivered[core::undelivered_reason::closing] += 1;
        return;
    }
    if (!in_.within_rate(route_, shared_.clock.milliseconds())) {
        break_off(close_cause::rate);
        return;
    }
    shared_.gateway.message(*conn_, text, payload);
}

/// One frame of the client, which holds any number of messages.
void ws_session::on_sockjs(std::string_view payload) {
    const auto messages = proto::sockjs::decode(payload);
    if (!messages) {
        break_off(close_cause::bad_json);
        return;
    }
    for (const auto& m : *messages) {
        if (!conn_) {
            return;
        }
        if (m.size() > route_.limits.message) {
            break_off(core::close_cause_of(proto::ws_violation::message_too_big));
            return;
        }
        on_message(true, m);
    }
}

/// As a sign of life any byte will do; a push is proved by the pong with its number.
void ws_session::on_pong(std::string_view payload) {
    live_.ponged();
    out_.take_pong(payload, *conn_);
    if (out_.needs_ping() && !out_.awaits_pong() && stage_ == stage::open) {
        wake_flusher();
    }
}

/// The client has closed, or has broken a rule: a Close is the answer, unless ours is out already.
void ws_session::end_by_client(close_cause cause, std::uint16_t code, std::string_view reason) {
    const bool ours = stage_ == stage::closing;
    if (!ours) {
        enqueue(close_frame(code, terms(cause).text));
    }
    finish();
    ours ? report(close_code_, "", cause_) : report(code, reason, cause);
}

void ws_session::break_off(close_cause cause) {
    end_by_client(cause, terms(cause).code, terms(cause).text);
}

void ws_session::pause_reading(bool pause) {
    if (paused_ == pause || stage_ == stage::gone) {
        paused_ = pause;
        return;
    }
    paused_ = pause;
    if (!pause) {
        resume_reading();
        live_.resumed(route_, shared_.clock.milliseconds());
        in_.resumed(route_, shared_.clock.milliseconds());
    }
    if (stage_ == stage::open) {
        rearm();
    }
}

}  // namespace wsidecar::net
