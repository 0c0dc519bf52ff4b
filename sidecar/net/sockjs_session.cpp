#include "sidecar/net/sockjs_session.hpp"

#include <utility>

#include "proto/sockjs/sockjs.hpp"
#include "sidecar/net/admission.hpp"
#include "sidecar/net/sockjs_exchange.hpp"

namespace wsidecar::net {
using core::close_cause;
namespace sockjs = proto::sockjs;
using namespace std::chrono_literals;

namespace {

/// How long a session lives without a request that receives, and how long after its end late requests are told why it has ended.
constexpr auto disconnect_delay = 5s;
/// The period of heart-beats on routes without pings.
constexpr auto default_heartbeat = 25s;
/// Bytes of messages that are handed to a response at once.
constexpr std::size_t batch = 64UL * 1024;

/// How many bodies of one client are read at the same time. SockJS's client sends one and waits for its answer.
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
      slot_(std::move(slot)),
      queue_(shared_) {}

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
        shared_.metrics.handshakes[v.cause] += 1;
        shared_.metrics.hit(core::word(v.cause));
        const exchange_ptr x = std::move(receiver_);
        slot_.reset();
        conn_.reset();
        forget();
        x->refuse(v.status, v.body, v.headers);
        return;
    }
    shared_.metrics.handshakes[core::handshake_result::accepted] += 1;
    conn_ = std::move(v.conn);
    stage_ = stage::open;
    owner_.gave(v.headers, shared_.clock.wall());
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
        if (!conn_ || !takes_messages() || queue_.overflowed()) {
            shared_.metrics.undelivered[core::undelivered_reason::closing] += 1;
        } else if (m.size() > route_->limits.message) {
            close_for(core::close_cause_of(proto::ws_violation::message_too_big));
        } else if (!rate_.allows(route_->limits.messages_per_second, shared_.clock.milliseconds())) {
            close_for(close_cause::rate);
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
            shared_.metrics.handshakes[core::handshake_result::abandoned] += 1;
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
    if (!queue_.takes(stage_ == stage::open, tag)) {
        return;
    }
    frame = shared_.sockjs_framed(frame);
    if (!frame) {
        shared_.gateway.not_sent(*conn_, tag, core::undelivered_reason::not_text);
        return;
    }
    const bool slow = !receiver_ || receiver_->writing();
    queue_.send(*conn_, {std::move(frame), tag, collapse}, slow, [this] { write_out(); });
    soon();
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
    queue_.confirm(conn_.get());
    if (lost_ && (stage_ == stage::open || stage_ == stage::closing)) {
        const bool ours = stage_ == stage::closing;
        close_frame_ = ours ? close_frame_ : interrupted;
        end(ours ? close_code_ : 1006, ours ? cause_ : close_cause::lost);
    } else if (queue_.overflowed() && stage_ == stage::open) {
        give_up(close_cause::slow);
    } else if (std::exchange(parting_, false) && stage_ == stage::closing) {
        // What is queued, the RECEIPT perhaps, is for its polls yet, if any come; but for pushes of the list, which go elsewhere.
        queue_.drop_pushes();
        tell(close_code_, cause_);
    }
    write_out();
    queue_.confirm(conn_.get());
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
    put = put_messages() || put;
    if (queue_.all_given() && !close_frame_.empty() && !x->response().full()) {
        farewell_ = put = true;
        x->put(close_frame_);
    } else if (!put && beat_) {
        put = true;
        x->put(sockjs::heartbeat_frame);
    }
    beat_ = false;
    if (put) {
        x->send(farewell_ || x->response().full());
    }
}

/// What is queued, as far as the response takes it. False: nothing.
bool sockjs_session::put_messages() {
    std::string joined;
    bool any = false;
    for (std::size_t bytes = 0; !queue_.all_given() && bytes < batch && !receiver_->response().full(); queue_.give()) {
        const std::string_view frame = queue_.next().frame->payload();
        bytes += frame.size();
        any = true;
        if (receiver_->response().polling()) {
            joined.append(joined.empty() ? "a[" : ",").append(sockjs::inner(frame));
        } else {
            receiver_->put(frame);
        }
    }
    if (!joined.empty()) {
        receiver_->put(joined += ']');
    }
    return any;
}

void sockjs_session::written(bool last) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    queue_.written();
    if (last) {
        receiver_.reset();
    }
    if (farewell_ && stage_ == stage::closing) {
        queue_.confirm(conn_.get());
        end(close_code_, cause_);
        return;
    }
    arm();
    soon();
}

// --------------------------------------------------------------------------------------------------- ending

void sockjs_session::close(std::uint16_t code, std::string_view reason) {
    begin_close(code, reason, close_cause::app);
}

void sockjs_session::part(std::uint16_t code) {
    parting_ = stage_ == stage::open && !queue_.overflowed();
    begin_close(code, {}, close_cause::client);
}

void sockjs_session::go_away(close_cause cause) {
    deliver_while_closing_ = true;
    close_for(cause);
}

void sockjs_session::close_for(close_cause cause) {
    begin_close(terms(cause).code, terms(cause).text, cause);
}

void sockjs_session::begin_close(std::uint16_t code, std::string_view reason, close_cause cause) {
    if (stage_ != stage::open || queue_.overflowed()) {
        return;
    }
    stage_ = stage::closing;
    close_code_ = code;
    cause_ = cause;
    close_frame_ = sockjs::close_frame(code, reason);
    arm();
    soon();
}

void sockjs_session::give_up(close_cause cause) {
    if (stage_ == stage::open) {
        queue_.drop(core::undelivered_reason::queue);
        close_frame_ = sockjs::close_frame(terms(cause).code, terms(cause).text);
        end(terms(cause).code, cause, terms(cause).text);
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
        end(ours ? close_code_ : 1001, ours ? cause_ : close_cause::shutdown);
    }
    if (const exchange_ptr x = std::move(receiver_)) {
        x->cut();
    }
    forget();
}

/// The gateway is told. A receiver gets the close frame yet.
void sockjs_session::end(std::uint16_t code, close_cause cause, std::string_view reason) {
    const boost::intrusive_ptr<sockjs_session> keep(this);
    stage_ = stage::over;
    if (!receiver_) {
        queue_.not_taken();  // what it had has not arrived as far as we know
    }
    queue_.drop(core::undelivered_reason::connection_gone);
    session_hook::unlink();
    slot_.reset();
    arm();
    http_->sockjs.remember(*this, sizeof *this + key_.capacity() + owner_.bytes(), ended_);
    if (receiver_) {
        soon();
    }
    if (const exchange_ptr x = std::move(sender_)) {
        x->acknowledge();
    }
    tell(code, cause, reason);
}

void sockjs_session::tell(std::uint16_t code, close_cause cause, std::string_view reason) {
    if (const core::connection_ptr conn = std::move(conn_)) {
        --shared_.open;
        shared_.gateway.closed(*conn, code, reason, cause);
    }
}

void sockjs_session::let_go() {
    if (const exchange_ptr x = std::move(receiver_)) {
        x->cut();
    }
    forget();
}

void sockjs_session::forget() {
    stage_ = stage::gone;
    disarm();
    queue_.not_taken();
    queue_.drop(core::undelivered_reason::connection_gone);
    const boost::intrusive_ptr<sockjs_session> keep(this);
    http_->sockjs.forget(key_, ended_);
}

bool sockjs_session::idle() const {
    return conn_ && !conn_->busy && !conn_->inbound && queue_.empty();
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
                end(terms(close_cause::sockjs_timeout).code, close_cause::sockjs_timeout);
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
        case stage::over: let_go(); return;
        case stage::gone: return;
    }
}

}  // namespace wsidecar::net
