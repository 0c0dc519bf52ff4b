#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/connection.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/address_count.hpp"
#include "sidecar/net/client_session.hpp"
#include "sidecar/net/http_shared.hpp"
#include "sidecar/net/message_rate.hpp"
#include "sidecar/net/outbox.hpp"
#include "sidecar/net/session_owner.hpp"
#include "sidecar/net/timers.hpp"

namespace wsidecar::net {

class sockjs_exchange;

/// A SockJS session over HTTP: a connection that consists of several requests of one client (xhr, xhr_streaming, eventsource, xhr_send). It is
/// in http_shared::sockjs while requests may arrive for it. Event loop only.
///
///   opening --accepted--> open --close()--> closing --its c[...] was taken, or 5 s--> over --5 s--> gone
///   opening --refused--> gone
///   open --no request that receives for 5 s, its client gone, slow consumer--> over
///
/// gateway::closed() is called once, on the way into `over`, or in `closing` after part(). Until `gone`, polls are answered with the reason.
class sockjs_session final : public client_session, public timer_entry {
public:
    using exchange_ptr = boost::intrusive_ptr<sockjs_exchange>;

    sockjs_session(std::shared_ptr<http_shared> shared, std::string key, session_owner owner, address_count::slot slot);
    ~sockjs_session() override;

    /// Asks the gateway whether the client may connect, and answers the request `first`.
    void begin(core::handshake h, exchange_ptr first);
    /// Whether the request comes from the client that began the session.
    bool may_use(const session_owner::proof& who);
    /// Whether all its requests are checked as requests with credentials. Even one without them acts on behalf of the session's user.
    bool has_credentials() const { return owner_.has_credentials(); }
    /// Makes a request the receiver of all further messages. If another one receives already, or the session is over, it is answered so.
    void attach(const exchange_ptr& x);
    /// The kernel has taken the frames put into the receiving response. `last` says that the response has ended.
    void written(bool last);
    /// The client of a request has gone before its answer was complete.
    void left(const sockjs_exchange& x);
    /// Whether the client was accepted, so that `o` (which corresponds to the 101) was sent or is about to be.
    bool established() const { return stage_ == stage::open || stage_ == stage::closing; }
    /// Whether an xhr_send waits for its answer because the app is slow.
    bool busy() const { return sender_ != nullptr; }
    /// Takes a place for one xhr_send while its body is read. Returns null if there are too many.
    std::shared_ptr<void> take_place();
    /// Takes the client's messages in order, and acknowledges `x`, later if the app is slow.
    void messages(const std::vector<std::string>& all, const exchange_ptr& x);

    /// Removes the ended session, to make room for sessions that ended later.
    void let_go();

    // core::session_port
    void send(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void part(std::uint16_t code) override;
    void pause_reading(bool pause) override;
    std::size_t queued_bytes() const override { return queue_.bytes(); }

    // client_session
    std::size_t held_bytes() const override { return queue_.bytes() + (conn_ ? conn_->held_bytes() : 0); }
    void go_away(core::close_cause cause) override;
    void give_up(core::close_cause cause) override;
    void kill() override;
    bool idle() const override;
    bool open() const override { return stage_ == stage::open; }
    void flush() override;

private:
    enum class stage : std::uint8_t { opening, open, closing, over, gone };

    void on_verdict(core::handshake_verdict v);
    void close_for(core::close_cause cause);
    void begin_close(std::uint16_t code, std::string_view reason, core::close_cause cause);
    void end(std::uint16_t code, core::close_cause cause, std::string_view reason = {});
    void tell(std::uint16_t code, core::close_cause cause, std::string_view reason = {});
    void forget();
    void soon();
    void arm();
    bool takes_messages() const { return stage_ == stage::open || (stage_ == stage::closing && deliver_while_closing_); }
    void write_out();
    bool put_messages();
    void on_timer() override;
    std::chrono::milliseconds heartbeat() const;

    std::shared_ptr<http_shared> http_;
    session_shared& shared_;
    std::string key_;
    session_owner owner_;
    core::connection_ptr conn_;  ///< null once the gateway was told of the end
    const config::route* route_ = nullptr;
    address_count::slot slot_;
    exchange_ptr receiver_;
    exchange_ptr sender_;      ///< its answer waits for the app
    outbox queue_;             ///< of `a[...]`, framed as SockJS
    std::string close_frame_;  ///< what polls get from now on; empty: open
    sockjs_sessions::ended_place ended_;
    core::close_cause cause_ = core::close_cause::app;  ///< of our own close
    message_rate rate_;
    std::uint16_t close_code_ = 0;
    std::uint8_t sending_ = 0;  ///< xhr_sends whose body is being read
    stage stage_ = stage::opening;
    bool greeted_ = false;   ///< the frame `o` has been put
    bool farewell_ = false;  ///< close_frame_ is with the receiver
    bool beat_ = false;      ///< a heart-beat is due
    bool dirty_ = false;
    bool paused_ = false;
    bool lost_ = false;     ///< its client has gone
    bool parting_ = false;  ///< its client has ended the session (STOMP's DISCONNECT)
    bool deliver_while_closing_ = false;
};

}  // namespace wsidecar::net
