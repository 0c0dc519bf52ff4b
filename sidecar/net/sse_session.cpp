#include "sidecar/net/sse_session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

#include "proto/http/event_stream.hpp"
#include "proto/text/ids.hpp"

namespace wsidecar::net {
using core::close_cause;
namespace asio = boost::asio;
namespace event_stream = proto::event_stream;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t read_size = 4096;
/// Bytes of events that are handed to the kernel at once.
constexpr std::size_t batch = 64UL * 1024;
constexpr auto close_deadline = 5s;
constexpr auto lingering = 2s;

/// The retry time is random, so that clients that lost their connections together do not return together.
std::string retry_line(std::uint32_t least, std::uint32_t more) {
    return "retry: " + std::to_string(least + proto::random_below(more)) + "\n";
}

core::frame_ptr framed(std::string_view block) {
    return core::frame::make(proto::opcode::text, block);
}

}  // namespace

sse_session::sse_session(session_shared& shared, transport peer, core::connection_ptr conn, framing f, address_count::slot slot)
    : shared_(shared),
      peer_(std::move(peer)),
      conn_(std::move(conn)),
      route_(conn_->route),
      slot_(std::move(slot)),
      queue_(shared),
      framing_(f) {}

sse_session::~sse_session() = default;

void sse_session::start(core::position resumed) {
    const ref keep(this);
    last_ = std::move(resumed);
    // A client that vanished answers no comment: the kernel gives up what it does not acknowledge.
    if (route_->ping.count() > 0) {
        const auto patience = static_cast<unsigned>((route_->ping + route_->pong_timeout).count());
        (void)setsockopt(peer_.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    }
    shared_.sessions.push_back(*this);
    ++shared_.open;
    queue_.put({framed(retry_line(1000, 2000) + '\n'), core::tag_protocol, 0});
    wait_readable();
    arm();
    soon();
    shared_.gateway.established(*conn_, *this);
}

// ------------------------------------------------------------------------------------------------- receiving

void sse_session::wait_readable() {
    peer_.wait_readable([self = ref(this)](error_code ec) {
        if (!ec && self->stage_ != stage::gone) {
            self->on_readable();
        }
    });
}

/// Watches the client, from which only the end of the connection is expected. A further request is not answered.
void sse_session::on_readable() {
    for (int i = 0; i < 16; ++i) {
        const io_result r = peer_.read_now(shared_.scratch.data(), read_size);
        if (r.ec == asio::error::would_block) {
            break;
        }
        if (r.ec) {
            if (stage_ == stage::over) {
                vanish();
            } else {
                lost_ = true;
                soon();
            }
            return;
        }
    }
    wait_readable();
}

// --------------------------------------------------------------------------------------------------- sending

void sse_session::send_at(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse, core::place at) {
    if (!queue_.takes(stage_ == stage::open, tag)) {
        return;
    }
    frame = shared_.event_framed(frame);
    queue_.send(*conn_, {std::move(frame), tag, collapse, at}, writing_, [this] { write_out(); });
    soon();
}

void sse_session::came_to(const core::position& at) {
    if (stage_ == stage::open && !queue_.overflowed()) {
        put_position(at, "\n");
    }
}

/// Queues `block` behind the places of `at`, so that one id tells them all.
void sse_session::put_position(const core::position& at, std::string_view block) {
    for (const core::place p : at) {
        queue_.put({framed({}), core::tag_protocol, 0, p});
    }
    queue_.put({framed(block), core::tag_protocol, 0});
    soon();
}

void sse_session::tell_gap(const std::vector<std::string>& names) {
    if (stage_ != stage::open || queue_.overflowed()) {
        return;
    }
    boost::json::array list;
    for (const auto& name : names) {
        if (name.empty()) {
            last_ = {};  // its last id is none that anybody knows
        } else {
            list.emplace_back(name);
        }
    }
    queue_.put({framed(event_stream::of_event("gap", boost::json::serialize(boost::json::object{{"names", std::move(list)}}))),
                core::tag_protocol, 0});
    soon();
}

void sse_session::soon() {
    if (!dirty_) {
        dirty_ = true;
        shared_.flush.add(*this);
    }
}

void sse_session::flush() {
    const ref keep(this);
    dirty_ = false;
    queue_.confirm(conn_.get());
    if (lost_ && (stage_ == stage::open || stage_ == stage::closing)) {
        const bool ours = stage_ == stage::closing;
        end(ours ? close_code_ : 1006, ours ? cause_ : close_cause::lost);
        vanish();
    } else if (queue_.overflowed() && stage_ == stage::open) {
        give_up(close_cause::slow);
    } else {
        write_out();
        queue_.confirm(conn_.get());
    }
}

void sse_session::put(std::string_view block) {
    if (framing_ == framing::chunked) {
        char digits[16];
        out_.append(digits, std::to_chars(digits, digits + sizeof digits, block.size(), 16).ptr).append("\r\n");
        out_.append(block).append("\r\n");
    } else {
        out_ += block;
    }
}

void sse_session::put_messages() {
    std::string block;
    for (; !queue_.all_given() && block.size() < batch; queue_.give()) {
        const auto& next = queue_.next();
        unsaid_ = last_.reach(next.at) || unsaid_;
        const std::string_view event = next.frame->payload();
        if (unsaid_ && !event.empty()) {
            unsaid_ = false;
            block.append("id: ").append(core::text_of(last_)).append("\n");
        }
        block += event;
    }
    if (!block.empty()) {
        put(block);
    }
}

void sse_session::write_out() {
    if (writing_ || stage_ == stage::over || stage_ == stage::gone) {
        return;
    }
    while (!writing_) {
        if (out_.empty()) {
            put_messages();
            if (out_.empty() && !close_event_.empty() && !std::exchange(ended_, true)) {
                put(close_event_);
                out_ += framing_ == framing::chunked ? "0\r\n\r\n" : "";
            }
            if (out_.empty()) {
                return;
            }
        }
        iovec part{out_.data() + out_at_, out_.size() - out_at_};
        const io_result r = peer_.write_now(&part, 1);
        out_at_ += r.n;
        if (r.ec == asio::error::would_block) {
            writing_ = true;
            peer_.wait_writable([self = ref(this)](error_code ec) {
                if (!ec && self->stage_ != stage::gone) {
                    self->writing_ = false;
                    self->soon();
                }
            });
        } else if (r.ec) {
            lost_ = true;
            queue_.not_taken();
            soon();
            return;
        } else {
            on_written();
        }
    }
}

void sse_session::on_written() {
    out_.clear();
    out_at_ = 0;
    queue_.written();
    if (out_.capacity() > batch * 2) {
        out_.shrink_to_fit();
    }
    if (ended_ && stage_ == stage::closing) {
        end_response();
    } else {
        arm();
        soon();  // the gateway is told at the end of the turn
    }
}

// ---------------------------------------------------------------------------------------------------- ending

void sse_session::close(std::uint16_t code, std::string_view reason) {
    begin_close(code, reason, close_cause::app, false);
}

void sse_session::go_away(close_cause cause) {
    begin_close(terms(cause).code, terms(cause).text, cause, true);
}

/// An EventSource comes again by itself unless its page ends it: the event says why it was closed, and with `with_retry` when to come.
void sse_session::begin_close(std::uint16_t code, std::string_view reason, close_cause cause, bool with_retry) {
    if (stage_ != stage::open || queue_.overflowed()) {
        return;
    }
    stage_ = stage::closing;
    close_code_ = code;
    cause_ = cause;
    const boost::json::object data{{"code", code}, {"reason", reason}};
    close_event_ =
        (with_retry ? retry_line(500, 4500) : std::string()) + event_stream::of_event("close", boost::json::serialize(data));
    arm();
    soon();
}

void sse_session::end_response() {
    queue_.confirm(conn_.get());
    end(close_code_, cause_);
    stage_ = stage::over;
    peer_.shutdown_send();
    arm();
}

void sse_session::give_up(close_cause cause) {
    if (stage_ == stage::open) {
        queue_.drop(core::undelivered_reason::queue);
        end(terms(cause).code, cause, terms(cause).text);
        vanish();
    }
}

void sse_session::kill() {
    const ref keep(this);
    if (stage_ == stage::open || stage_ == stage::closing) {
        const bool ours = stage_ == stage::closing;
        end(ours ? close_code_ : 1001, ours ? cause_ : close_cause::shutdown);
    }
    vanish();
}

/// The gateway is told.
void sse_session::end(std::uint16_t code, close_cause cause, std::string_view reason) {
    queue_.not_taken();  // what it had has not arrived as far as we know
    queue_.drop(core::undelivered_reason::connection_gone);
    session_hook::unlink();
    slot_.reset();
    if (const core::connection_ptr conn = std::move(conn_)) {
        --shared_.open;
        shared_.gateway.closed(*conn, code, reason, cause);
    }
}

void sse_session::vanish() {
    stage_ = stage::gone;
    disarm();
    peer_.close();
}

bool sse_session::idle() const {
    return conn_ && !conn_->busy && !conn_->inbound && queue_.empty() && out_.empty();
}

// ------------------------------------------------------------------------------------------------------ time

void sse_session::arm() {
    if (stage_ == stage::closing) {
        shared_.clock.arm(*this, close_deadline);
    } else if (stage_ == stage::over) {
        shared_.clock.arm(*this, lingering);
    } else if (stage_ == stage::open && route_->ping.count() > 0) {
        shared_.clock.arm(*this, route_->ping);
    }
}

/// A comment, so that proxies in front do not cut what is idle. With an id where the client has everything up to there: who comes
/// again after a quiet hour has missed no hour.
void sse_session::beat() {
    if (writing_ || !queue_.empty()) {
        return;  // bytes are on their way
    }
    const bool settled = !conn_->recalling && !conn_->early && conn_->mailbox_due <= 0;
    put_position(settled ? shared_.gateway.reached(*conn_) : core::position(), ":\n\n");
}

void sse_session::on_timer() {
    const ref keep(this);
    switch (stage_) {
        case stage::open:
            beat();
            arm();
            return;
        case stage::closing:
            end(close_code_, cause_);
            vanish();
            return;
        case stage::over:
        case stage::gone: vanish(); return;
    }
}

}  // namespace wsidecar::net
