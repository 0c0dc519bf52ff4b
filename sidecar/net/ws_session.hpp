#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sidecar/core/connection.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_session.hpp"
#include "sidecar/net/liveness.hpp"
#include "sidecar/net/outbox.hpp"
#include "sidecar/net/poller.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"
#include "sidecar/net/ws_input.hpp"

namespace wsidecar::net {

/// An open WebSocket connection (RFC 6455) on its socket. While idle it holds no buffer: it waits for readiness and reads into the shared
/// scratch buffer. It lives while its socket is open (it holds a reference to itself) and while operations are pending. Event loop only.
///
///   open --close()--> closing --peer's close, or deadline--> finishing --EOF, or deadline--> gone
///   open --peer's close, protocol error, slow consumer--> finishing
///
/// gateway::closed() is called on the way into `finishing` or `gone`, once.
class ws_session final : public client_session, public timer_entry, public poller::watcher {
public:
    enum class framing : std::uint8_t { none, sockjs };

    /// `slot` counts the connection for its address; may be empty.
    ws_session(session_shared& shared, transport peer, core::connection_ptr conn, const proto::deflate_terms& deflate,
               address_count::slot slot, framing f = framing::none);
    ~ws_session() override;

    /// Calls gateway::established() and begins to read. Call this after the 101 was written. `received` are the bytes read after the upgrade
    /// request.
    void start(std::string_view received);

    // core::session_port
    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void pause_reading(bool pause) override;
    std::size_t queued_bytes() const override { return out_.bytes(); }

    // client_session
    std::size_t held_bytes() const override;
    void go_away(core::close_cause cause) override;
    void give_up(core::close_cause cause) override;
    void kill() override;
    bool idle() const override;
    bool open() const override { return stage_ == stage::open; }
    void flush() override;

private:
    enum class stage : std::uint8_t { open, closing, finishing, gone };

    // poller::watcher
    void on_ready(bool readable, bool writable, bool ended) override;

    // ws_session_read.cpp
    void wait_readable();
    void resume_reading();
    bool may_read() const;
    void read_on();
    void on_read_end(boost::system::error_code ec);
    void take(char* bytes, std::size_t size);
    void on_message(bool text, std::string_view payload);
    void on_sockjs(std::string_view payload);
    void on_pong(std::string_view payload);
    void end_by_client(core::close_cause cause, std::uint16_t code, std::string_view reason);
    void break_off(core::close_cause cause);

    // ws_session.cpp: writing
    void enqueue(core::frame_ptr frame);
    void wake_flusher();
    boost::system::error_code write_out();
    void ask_for_pong();
    std::uint32_t acknowledged() const;

    // ws_session.cpp: ending
    void begin_close(std::uint16_t code, std::string_view reason, core::close_cause cause);
    void enqueue_close(std::uint16_t code, std::string_view reason);
    bool still_leaving();
    void report(std::uint16_t code, std::string_view reason, core::close_cause cause);
    void finish();
    void lost();
    void gone();

    // ws_session.cpp: time
    void on_timer() override;
    void rearm();

    // The members that a push reads are adjacent, because with ten thousand sessions they are in no CPU cache. An idle connection consists
    // of little else than this object, so small members use the padding at the end of larger ones.
    session_shared& shared_;
    const config::route& route_;
    wire peer_;                  ///< closed in gone()
    core::connection_ptr conn_;  ///< null after gateway::closed()
    [[no_unique_address]] outbox out_;
    stage stage_ = stage::open;
    std::uint8_t deflate_bits_;     ///< window bits for compressed output; 0 if output is not compressed
    std::uint16_t close_code_ = 0;  ///< code of our own Close frame
    bool sockjs_ : 1;
    bool dirty_ : 1 = false;
    bool reading_ : 1 = false;    ///< a wait or a read is pending
    bool waiting_ : 1 = false;    ///< waiting for readiness to read
    bool ready_ : 1 = false;      ///< readiness was reported while not waiting
    bool ended_ : 1 = false;      ///< the peer's end is in the socket; no further readiness will report it
    bool read_over_ : 1 = false;  ///< the end was read, and output is still to be written
    bool writing_ : 1 = false;
    bool paused_ : 1 = false;
    bool deliver_while_closing_ : 1 = false;
    bool holds_itself_ : 1 = false;  ///< counts as a reference to this object, while the socket is open

    [[no_unique_address]] ws_input in_;
    [[no_unique_address]] liveness live_;
    core::close_cause cause_ = core::close_cause::app;  ///< cause of our own close
    address_count::slot slot_;
};

}  // namespace wsidecar::net
