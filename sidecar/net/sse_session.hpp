#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/connection.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_session.hpp"
#include "sidecar/net/outbox.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// A connection that only receives: one HTTP response with server-sent events, from its head (which http_session has written) to the
/// end. A message's `id:` is the place up to which the client has everything, so that Last-Event-ID of its next request says where to
/// go on. Delivered is what the kernel has taken: HTTP has no other word.
///
///   open --close()--> closing --event `close` written, or 5 s--> over --client gone, or 2 s--> gone
///   open --client gone, slow consumer, kill()--> gone
class sse_session final : public client_session, public timer_entry {
public:
    /// What marks the end of the response (RFC 9112 section 6.3): the last chunk, or the end of the connection (HTTP/1.0).
    enum class framing : std::uint8_t { chunked, until_close };

    sse_session(session_shared& shared, transport peer, core::connection_ptr conn, framing f, address_count::slot slot);
    ~sse_session() override;

    /// Begins to send events. Call this after the response's head was written.
    void start(core::position resumed);

    // core::session_port
    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) override {
        send_at(std::move(frame), tag, collapse, {});
    }
    void send_at(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse, core::place at) override;
    void came_to(const core::position& at) override;
    void tell_gap(const std::vector<std::string>& names) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void pause_reading(bool) override {}
    std::size_t queued_bytes() const override { return queue_.bytes() + out_.size() - out_at_; }

    // client_session
    std::size_t held_bytes() const override { return queued_bytes() + (conn_ ? conn_->held_bytes() : 0); }
    void go_away(core::close_cause cause) override;
    void give_up(core::close_cause cause) override;
    void kill() override;
    bool idle() const override;
    bool open() const override { return stage_ == stage::open; }
    void flush() override;

private:
    enum class stage : std::uint8_t { open, closing, over, gone };
    using ref = boost::intrusive_ptr<sse_session>;

    void wait_readable();
    void on_readable();
    void soon();
    void put(std::string_view block);
    void put_messages();
    void put_position(const core::position& at, std::string_view block);
    void write_out();
    void on_written();
    void begin_close(std::uint16_t code, std::string_view reason, core::close_cause cause, bool with_retry);
    void end_response();
    void end(std::uint16_t code, core::close_cause cause, std::string_view reason = {});
    void vanish();
    void arm();
    void beat();
    void on_timer() override;

    session_shared& shared_;
    transport peer_;
    core::connection_ptr conn_;  ///< null once the gateway was told of the end
    const config::route* route_;
    address_count::slot slot_;
    outbox queue_;  ///< of events without ids
    std::string out_;
    std::size_t out_at_ = 0;
    core::position last_;                               ///< of what was put so far: the next id
    std::string close_event_;                           ///< empty: open
    core::close_cause cause_ = core::close_cause::app;  ///< of our own close
    std::uint16_t close_code_ = 0;
    framing framing_;
    stage stage_ = stage::open;
    bool unsaid_ = false;   ///< no id was put since last_ advanced
    bool writing_ = false;  ///< out_ waits for the socket
    bool ended_ = false;    ///< the response's end is in out_, or out
    bool dirty_ = false;
    bool lost_ = false;  ///< its client has gone
};

}  // namespace wsidecar::net
