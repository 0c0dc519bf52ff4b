#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/ws/ws_reader.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_session.hpp"
#include "sidecar/net/out_queue.hpp"
#include "sidecar/net/poller.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

/// An open WebSocket connection (RFC 6455) on its socket. Idle it holds no buffer: it waits for readiness and reads into
/// the loop's scratch. Alive while its socket is open (it holds itself) and while operations are pending.
///
///   open --close()--> closing --peer's close, or deadline--> finishing --EOF, or deadline--> gone
///   open --peer's close, protocol error, slow consumer--> finishing
///
/// gateway::closed() is called on the way into `finishing` or `gone`, once.
class ws_session final : public client_session, public timer_entry, public poller::watcher {
public:
    enum class framing : std::uint8_t { none, sockjs };

    /// `slot` is its place among the connections of its address; may be empty.
    ws_session(session_shared& shared, transport peer, core::connection_ptr conn, const proto::deflate_terms& deflate,
               address_count::slot slot, framing f = framing::none);
    ~ws_session() override;

    /// Tells the gateway and begins to read; the 101 has been written. `received` came behind the upgrade request.
    void start(std::string_view received);

    // core::session_port
    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void pause_reading(bool pause) override;
    std::size_t queued_bytes() const override { return queued_; }

    // client_session
    std::size_t held_bytes() const override;
    void go_away(std::uint16_t code, std::string_view reason, const char* cause) override;
    void give_up(std::string_view reason, const char* cause) override;
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
    void on_readable();
    void read_on();
    void on_read_end(boost::system::error_code ec);
    void take(char* bytes, std::size_t size);
    void count_window();
    void on_message(bool text, std::string_view payload);
    void on_sockjs(std::string_view payload);
    void on_ping(std::string_view payload);
    void on_pong(std::string_view payload);
    void on_peer_close(std::uint16_t code, std::string_view reason);
    void on_violation(std::uint16_t code, const char* why);
    bool within_rate();

    // ws_session.cpp: writing
    void enqueue(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0);
    void make_room(std::uint64_t collapse);
    bool drop_waiting(std::size_t needed);
    void left_out(const core::frame_ptr& frame);
    boost::system::error_code write_out();
    void ask_for_pong();
    void left(std::size_t bytes);
    void drop_queue(const char* reason, bool begun_too = false);
    void wait_writable();

    // ws_session.cpp: ending
    void begin_close(std::uint16_t code, std::string_view reason, const char* cause);
    void enqueue_close(std::uint16_t code, std::string_view reason);
    void closing_timeout();
    bool still_leaving();
    void report(std::uint16_t code, std::string_view reason, const char* cause);
    void finish();
    void end_output();
    void lost();
    void close_socket();
    void gone();

    // ws_session_time.cpp
    void on_timer() override;
    void rearm();
    void start_pings();
    std::uint32_t ping_every() const;    ///< milliseconds; 0: none
    std::uint32_t pong_timeout() const;  ///< milliseconds
    std::uint32_t message_time() const;  ///< milliseconds
    void watch_message();
    void ping(std::uint32_t now);
    void tell_of_no_pongs() const;
    bool pong_overdue(std::uint32_t now, std::uint32_t& due_at);
    std::uint32_t acknowledged() const;

    // What a push looks at stands together: of ten thousand sessions it is in no cache.
    session_shared& shared_;
    const config::route& route_;
    std::unique_ptr<out_queue> queue_;  ///< null while nothing is queued
    wire peer_;                         ///< closed in gone()
    core::connection_ptr conn_;         ///< null once the gateway was told of the end
    std::uint32_t queued_ = 0;          ///< bytes in queue_
    std::uint32_t total_ = 0;           ///< bytes ever queued, modulo 2^32
    stage stage_ = stage::open;
    std::uint8_t pongs_ = 0;     ///< queued
    std::uint8_t deflate_bits_;  ///< window of what it is sent compressed; 0: nothing is
    std::uint8_t window_bits_;   ///< window of its own compressed messages
    bool sockjs_ : 1;
    bool dirty_ : 1 = false;
    bool reading_ : 1 = false;    ///< a wait is pending, or a read is about to come
    bool waiting_ : 1 = false;    ///< for readiness to read
    bool ready_ : 1 = false;      ///< it came when nobody waited
    bool ended_ : 1 = false;      ///< the end of what the peer sends is in the socket: no other readiness will tell of it
    bool read_over_ : 1 = false;  ///< the end was read, and something is still to be written
    bool writing_ : 1 = false;
    bool paused_ : 1 = false;
    bool heard_ : 1 = false;  ///< any byte since the last ping
    bool awaiting_pong_ : 1 = false;
    bool ponged_ : 1 = false;  ///< it has answered a ping
    bool deliver_while_closing_ : 1 = false;
    bool overflowed_ : 1 = false;
    std::uint16_t close_code_ = 0;  ///< of our own close frame
    std::uint64_t by_pong_;         ///< tags that have one of these bits are confirmed by a pong
    std::uint64_t last_list_ = 0;   ///< tag of the last push queued that a pong confirms
    std::uint64_t asked_ = 0;       ///< the last that a ping has followed
    /// The last push that the kernel's word confirms, and whose word is to be passed on; of those that would wait for a pong on
    /// another route, the second.
    std::uint64_t written_[2] = {0, 0};
    std::uint64_t number_ = 0;  ///< of the ping that is to be answered; 0: none

    boost::intrusive_ptr<ws_session> self_;  ///< while the socket is open
    proto::ws_reader reader_;
    address_count::slot slot_;
    const char* cause_ = "";       ///< label of our own close
    std::uint32_t next_ping_ = 0;  ///< these are timers::milliseconds()
    std::uint32_t pong_due_ = 0;
    std::uint32_t proof_due_ = 0;     ///< the numbered ping must be answered by then, whatever else the peer sends
    std::uint32_t deadline_ = 0;      ///< closing: no longer than this, whatever progress is made
    std::uint32_t ping_at_ = 0;       ///< total_ before the ping
    std::uint32_t acknowledged_ = 0;  ///< at the last look
    std::uint32_t window_ = 0;        ///< of reader_, as counted
    std::uint32_t rate_second_ = 0;
    std::uint32_t rate_count_ = 0;
    std::uint32_t message_due_ = 0;  ///< what was begun must have come whole by then; 0: nothing was
};

}  // namespace wsidecar::net
