#include "sidecar/net/sockjs_session.hpp"

#include <algorithm>
#include <utility>

#include "proto/sockjs.hpp"
#include "sidecar/net/admission.hpp"
#include "sidecar/net/sockjs_exchange.hpp"

namespace wsidecar::net {
namespace sockjs = proto::sockjs;
using namespace std::chrono_literals;

namespace {

/// Between two requests that receive; and for as long as who comes late is told why the session has ended.
constexpr auto disconnect_delay = 5s;
/// For routes without pings.
constexpr auto default_heartbeat = 25s;
/// Bytes of messages that are handed to a response at once.
constexpr std::size_t batch = 64UL * 1024;

/// Bodies of one client that are read side by side. SockJS's client sends one and waits for its answer.
constexpr std::uint8_t sending_at_most = 4;

constexpr std::string_view interrupted = "c[1002,\"Connection interrupted\"]";
constexpr std::string_view still_open = "c[2010,\"Another connection still open\"]";

}  // namespace

sockjs_session::sockjs_session(std::shared_ptr<http_shared> shared, std::string key, session_owner owner,
                               address_count::slot slot)
    : http_(std::move(shared)),
      shared_(http_->sessions),
      key_(std::move(key)),
      owner_(std::move(owner)),
      slot_(std::move(slot)) {}

sockjs_session::~sockjs_session() = default;

// ------------------------------------------------------------------------------------------------ beginning

void sockjs_session::begin(core::handshake h, exchange_ptr first) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    route_ = h.route;
    receiver_ = std::move(first);
    ++http_->opening;
    shared_.clock.arm(*this, 3 * shared_.config->app.timeout + 2s);
    auto conn = shared_.gateway.open(std::move(h), [keep](core::handshake_verdict v) { keep->on_verdict(std::move(v)); });
    if (stage_ == stage::opening) {
        conn_ = std::move(conn);
    }
}

void sockjs_session::on_verdict(core::handshake_verdict v) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    if (stage_ != stage::opening) {
        return;
    }
    --http_->opening;
    if (!v.accepted) {
        shared_.metrics.handshakes.at({v.cause}) += 1;
        shared_.metrics.hit(v.cause);
        const exchange_ptr x = std::move(receiver_);
        slot_.reset();
        conn_.reset();
        forget();
        x->refuse(v.status, v.body, v.headers);
        return;
    }
    shared_.metrics.handshakes.at({"accepted"}) += 1;
    conn_ = std::move(v.conn);
    stage_ = stage::open;
    owner_.gave(v.headers, std::chrono::system_clock::now());
    receiver_->greet(std::move(v.headers), owner_);
    shared_.sessions.push_back(*this);
    ++shared_.open;
    shared_.gateway.established(*conn_, *this);
    arm();
    soon();
    if (http_->stopped) {
        kill();
    }
}

// ------------------------------------------------------------------------------------------------- requests

bool sockjs_session::may_use(const session_owner::proof& who) {
    return owner_.is(who, conn_ ? conn_->cookie.view() : std::string_view());
}

void sockjs_session::attach(const exchange_ptr& x) {
    if (stage_ == stage::over) {
        x->only(close_frame_);
    } else if (receiver_) {
        x->only(still_open);
    } else {
        receiver_ = x;
        arm();
        flush();
    }
}

std::shared_ptr<void> sockjs_session::take_place() {
    if (sending_ >= sending_at_most) {
        return nullptr;
    }
    ++sending_;
    return {this, [keep = boost::intrusive_ptr<sockjs_session>(this)](void*) { --keep->sending_; }};
}

void sockjs_session::messages(const std::vector<std::string>& all, const exchange_ptr& x) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    for (const auto& m : all) {
        if (!conn_ || !takes_messages() || overflowed_) {
            shared_.metrics.undelivered.at({"closing"}) += 1;
        } else if (m.size() > route_->limits.message) {
            begin_close(1009, "message_too_big", "message_too_big");
        } else if (!within_rate()) {
            begin_close(1008, "rate", "rate");
        } else {
            shared_.gateway.message(*conn_, true, m);
        }
    }
    // The client sends the next ones when these are answered: so it is told that the app is behind.
    if (paused_ && conn_) {
        sender_ = x;
    } else {
        x->acknowledge();
    }
}

bool sockjs_session::within_rate() {
    const std::uint32_t limit = route_->limits.messages_per_second;
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

void sockjs_session::pause_reading(bool pause) {
    paused_ = pause;
    if (const exchange_ptr x = pause ? nullptr : std::move(sender_)) {
        x->acknowledge();
    }
}

void sockjs_session::left(const sockjs_exchange& x) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    if (sender_.get() == &x) {
        sender_.reset();
        return;
    }
    if (receiver_.get() != &x) {
        return;
    }
    receiver_.reset();
    switch (stage_) {
        case stage::opening:
            shared_.metrics.handshakes.at({"abandoned"}) += 1;
            --http_->opening;
            shared_.gateway.abandon(*conn_);
            conn_.reset();
            forget();
            return;
        case stage::open:
        case stage::closing:
            // Told at the end of the turn: this may come of a write in the middle of the gateway's connections.
            lost_ = true;
            soon();
            return;
        case stage::over:
        case stage::gone: return;
    }
}

// -------------------------------------------------------------------------------------------------- sending

void sockjs_session::send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse) {
    if (stage_ != stage::open || overflowed_) {
        if (tag <= core::tag_channel) {
            shared_.metrics.undelivered.at({"closing"}) += 1;
        }
        return;
    }
    frame = shared_.sockjs_framed(frame);
    if (!frame) {
        shared_.gateway.not_sent(*conn_, tag, "not_text");
        return;
    }
    if (collapse != 0 && (!receiver_ || receiver_->writing())) {
        make_room(collapse);
    }
    const std::size_t size = frame->bytes().size();
    // Much for one client in one turn of the loop is no slow client yet: what the kernel takes is out of the way.
    if (queued_ + size > route_->limits.queue) {
        write_out();
    }
    // One message larger than the limit may still go out on its own.
    if (queued_ > 0 && queued_ + size > route_->limits.queue && !drop_waiting(size)) {
        // Told at the end of the turn: whoever sends may be in the middle of its connections.
        overflowed_ = true;
        shared_.metrics.hit("queue");
        if (tag <= core::tag_channel) {
            shared_.metrics.undelivered.at({"queue"}) += 1;
        }
        drop_queue("queue");
    } else {
        queue_.push_back({std::move(frame), tag, collapse});
        queued_ += size;
        shared_.queued_bytes += static_cast<double>(size);
    }
    soon();
}

void sockjs_session::make_room(std::uint64_t collapse) {
    const auto old = std::find_if(queue_.begin() + static_cast<std::ptrdiff_t>(in_flight_), queue_.end(),
                                  [&](const item& i) { return i.collapse == collapse; });
    if (old != queue_.end()) {
        shared_.gateway.collapsed(*conn_, take_out(old));
    }
}

/// The queue is full: whether the route would rather lose messages than the connection, and did.
bool sockjs_session::drop_waiting(std::size_t needed) {
    const bool all = route_->slow_consumer == "collapse";
    if (!all && route_->slow_consumer != "drop_oldest") {
        return false;
    }
    const auto message = [](const item& i) { return i.tag <= core::tag_channel || i.tag >= core::first_delivery_id; };
    while (all || queued_ + needed > route_->limits.queue) {
        const auto oldest = std::find_if(queue_.begin() + static_cast<std::ptrdiff_t>(in_flight_), queue_.end(), message);
        if (oldest == queue_.end()) {
            break;  // what is left is on its way: the new one waits behind it
        }
        shared_.gateway.left_out(*conn_, take_out(oldest));
    }
    return true;
}

std::uint64_t sockjs_session::take_out(std::vector<item>::iterator i) {
    const std::uint64_t tag = i->tag;
    const std::size_t size = i->frame->bytes().size();
    queued_ -= size;
    shared_.queued_bytes -= static_cast<double>(size);
    queue_.erase(i);
    return tag;
}

void sockjs_session::soon() {
    if (!dirty_) {
        dirty_ = true;
        shared_.flush.add(*this);
    }
}

void sockjs_session::flush() {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    dirty_ = false;
    tell_confirmed();
    if (lost_ && (stage_ == stage::open || stage_ == stage::closing)) {
        const bool ours = stage_ == stage::closing;
        close_frame_ = ours ? close_frame_ : interrupted;
        end(ours ? close_code_ : 1006, ours ? cause_ : "lost");
    } else if (overflowed_ && stage_ == stage::open) {
        give_up_slow();
    } else if (std::exchange(parting_, false) && stage_ == stage::closing) {
        // What is queued, the RECEIPT perhaps, is for its polls yet, if any come; but for pushes of the list, which go elsewhere.
        const auto pushed = [](const item& i) { return i.tag >= core::first_delivery_id; };
        for (auto i = queue_.begin(); i != queue_.end();) {
            i = std::find_if(queue_.begin() + static_cast<std::ptrdiff_t>(in_flight_), queue_.end(), pushed);
            if (i != queue_.end()) {
                take_out(i);
            }
        }
        tell(close_code_, cause_);
    }
    write_out();
    tell_confirmed();
}

void sockjs_session::tell_confirmed() {
    for (std::uint64_t& confirmed : confirmed_) {
        if (const std::uint64_t tag = std::exchange(confirmed, 0); tag != 0 && conn_) {
            shared_.gateway.confirmed(*conn_, tag);
        }
    }
}

/// Hands the receiver what it takes.
void sockjs_session::write_out() {
    if (!receiver_ || receiver_->writing() || stage_ == stage::opening || stage_ == stage::gone) {
        return;
    }
    const exchange_ptr x = receiver_;
    bool put = false;
    if (!greeted_) {
        greeted_ = put = true;
        x->put(sockjs::open_frame);
    }
    put = put_messages() > 0 || put;
    if (in_flight_ == queue_.size() && !close_frame_.empty() && !x->full()) {
        farewell_ = put = true;
        x->put(close_frame_);
    } else if (!put && beat_) {
        put = true;
        x->put(sockjs::heartbeat_frame);
    }
    beat_ = false;
    if (put) {
        x->send(farewell_ || x->full());
    }
}

/// What is queued, as far as the response takes it. Returns how many messages.
std::size_t sockjs_session::put_messages() {
    const std::size_t before = in_flight_;
    std::string joined;
    for (std::size_t bytes = 0; in_flight_ < queue_.size() && bytes < batch && !receiver_->full(); ++in_flight_) {
        const std::string_view frame = queue_[in_flight_].frame->payload();
        bytes += frame.size();
        if (receiver_->polling()) {
            joined.append(joined.empty() ? "a[" : ",").append(sockjs::inner(frame));
        } else {
            receiver_->put(frame);
        }
    }
    if (!joined.empty()) {
        receiver_->put(joined += ']');
    }
    return in_flight_ - before;
}

void sockjs_session::written(bool last) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    // The kernel's word is all that HTTP has: it confirms what waits for a pong, too.
    for (std::size_t i = 0; i < in_flight_; ++i) {
        const item& out = queue_[i];
        const std::size_t size = out.frame->bytes().size();
        queued_ -= size;
        shared_.queued_bytes -= static_cast<double>(size);
        if (out.tag >= core::first_delivery_id) {
            confirmed_[(out.tag & core::confirm_by_pong) != 0 ? 1 : 0] = out.tag;
        } else if (out.tag == core::tag_channel) {
            shared_.delivered_channel += 1;
        } else if (out.tag == core::tag_answer) {
            shared_.delivered_answer += 1;
        }
    }
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(in_flight_));
    in_flight_ = 0;
    if (last) {
        receiver_.reset();
    }
    if (farewell_ && stage_ == stage::closing) {
        tell_confirmed();
        end(close_code_, cause_);
        return;
    }
    arm();
    soon();
}

void sockjs_session::drop_queue(const char* reason) {
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(in_flight_);
    for (auto i = first; i != queue_.end(); ++i) {
        const std::size_t size = i->frame->bytes().size();
        queued_ -= size;
        shared_.queued_bytes -= static_cast<double>(size);
        if (i->tag == core::tag_answer || i->tag == core::tag_channel) {
            shared_.metrics.undelivered.at({reason}) += 1;
        }
    }
    queue_.erase(first, queue_.end());
}

// --------------------------------------------------------------------------------------------------- ending

void sockjs_session::close(std::uint16_t code, std::string_view reason) {
    begin_close(code, reason, "app");
}

void sockjs_session::part(std::uint16_t code) {
    parting_ = stage_ == stage::open && !overflowed_;
    begin_close(code, {}, "client");
}

void sockjs_session::go_away(std::uint16_t code, std::string_view reason, const char* cause) {
    deliver_while_closing_ = true;
    begin_close(code, reason, cause);
}

void sockjs_session::begin_close(std::uint16_t code, std::string_view reason, const char* cause) {
    if (stage_ != stage::open || overflowed_) {
        return;
    }
    stage_ = stage::closing;
    close_code_ = code;
    cause_ = cause;
    close_frame_ = sockjs::close_frame(code, reason);
    arm();
    soon();
}

void sockjs_session::give_up_slow() {
    if (stage_ == stage::open) {
        drop_queue("queue");
        close_frame_ = sockjs::close_frame(1013, "slow consumer");
        end(1013, "slow", "slow consumer");
    }
}

void sockjs_session::kill() {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    if (stage_ == stage::opening) {
        --http_->opening;
        shared_.gateway.abandon(*conn_);
        conn_.reset();
    } else if (stage_ != stage::gone) {
        const bool ours = stage_ == stage::closing;
        end(ours ? close_code_ : 1001, ours ? cause_ : "shutdown");
    }
    if (const exchange_ptr x = std::move(receiver_)) {
        x->cut();
    }
    forget();
}

/// The gateway is told. A receiver gets the close frame yet.
void sockjs_session::end(std::uint16_t code, const char* cause, std::string_view reason) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    stage_ = stage::over;
    if (!receiver_) {
        in_flight_ = 0;  // what it had has not arrived as far as we know
    }
    drop_queue("connection_gone");
    session_hook::unlink();
    slot_.reset();
    arm();
    if (receiver_) {
        soon();
    }
    if (const exchange_ptr x = std::move(sender_)) {
        x->acknowledge();
    }
    tell(code, cause, reason);
}

void sockjs_session::tell(std::uint16_t code, const char* cause, std::string_view reason) {
    if (const core::connection_ptr conn = std::move(conn_)) {
        --shared_.open;
        shared_.gateway.closed(*conn, code, reason, cause);
    }
}

void sockjs_session::forget() {
    stage_ = stage::gone;
    disarm();
    in_flight_ = 0;
    drop_queue("connection_gone");
    const boost::intrusive_ptr<sockjs_session> keep(this);
    http_->sockjs.erase(key_);
}

bool sockjs_session::idle() const {
    return conn_ && !conn_->busy && !conn_->inbound && queued_ == 0;
}

// ----------------------------------------------------------------------------------------------------- time

std::chrono::milliseconds sockjs_session::heartbeat() const {
    return route_->ping.count() > 0 ? route_->ping : default_heartbeat;
}

void sockjs_session::arm() {
    if (stage_ == stage::open && receiver_) {
        shared_.clock.arm(*this, heartbeat());
    } else if (stage_ != stage::opening && stage_ != stage::gone) {
        shared_.clock.arm(*this, disconnect_delay);
    }
}

void sockjs_session::on_timer() {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    switch (stage_) {
        case stage::opening:
            shared_.gateway.abandon(*conn_);
            on_verdict(late_verdict());
            return;
        case stage::open:
            if (!receiver_) {
                close_frame_ = interrupted;
                end(1006, "sockjs_timeout");
                return;
            }
            beat_ = !conn_->beats_within(heartbeat());
            flush();
            arm();
            return;
        case stage::closing:
            if (const exchange_ptr x = std::move(receiver_)) {
                x->cut();
            }
            end(close_code_, cause_);
            return;
        case stage::over:
            if (const exchange_ptr x = std::move(receiver_)) {
                x->cut();
            }
            forget();
            return;
        case stage::gone: return;
    }
}

}  // namespace wsidecar::net
