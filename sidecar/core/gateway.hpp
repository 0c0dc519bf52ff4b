#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/close_cause.hpp"
#include "sidecar/core/context.hpp"
#include "sidecar/core/events.hpp"
#include "sidecar/core/handshake.hpp"

namespace wsidecar::core {

/// The use cases: connect, message, disconnect, push. It makes the decisions and does no I/O of its own. It is a facade for the modules
/// in `parts`. Event loop only.
///
///   client --> net/http_session --> open() --> app_port (connect event) --> bus_port::enroll --> 101
///   client --> net/ws_session --> message() --> app_port (message event) --> answer --> session_port
///   Redis --> redis/bus --> on_push() --> hub --> session_port
class gateway final : public push_port {
public:
    using route_match = core::route_match;
    using find_route = core::find_route;
    using waiting_events = core::waiting_events;

    gateway(const config::config& c, std::string instance, metrics& m, app_port& app, bus_port& bus, timer_port& timers,
            find_route routes);
    ~gateway() override;

    // ------------------------------------------------------------------ called by net/
    /// Decides on an upgrade request. `done` runs once, unless abandon() is called before. Returns the connection that is being opened.
    connection_ptr open(handshake h, std::function<void(handshake_verdict)> done);
    /// The client has gone before `done` ran.
    void abandon(connection& c);
    /// Sets the subprotocol of the 101, which later events carry. `name` is not empty. Call this before established().
    void chose_subprotocol(connection& c, std::string_view name);
    /// The 101 is queued on `s`. Sends the connect answer's body, then live messages. `s` must live until closed().
    void established(connection& c, session_port& s);
    /// The client has sent a complete message.
    void message(connection& c, bool text, std::string_view payload);
    /// The app's own STOMP relay, which has no WebSocket, has sent bytes.
    void relayed(connection& c, std::string_view bytes);
    /// The frame sent with `tag`, and all list pushes sent before it, are confirmed (session_port::send says what that means).
    void confirmed(connection& c, std::uint64_t tag);
    /// The frame sent with `tag` was replaced by a newer one.
    void collapsed(connection& c, std::uint64_t tag) { not_sent(c, tag, undelivered_reason::collapsed); }
    /// The frame sent with `tag` was dropped, because the client is slow and its route drops frames instead of the connection.
    void left_out(connection& c, std::uint64_t tag) { not_sent(c, tag, undelivered_reason::slow_consumer); }
    /// The frame sent with `tag` will not be sent. `reason` is a label of wsidecar_undelivered_total with static storage.
    void not_sent(connection& c, std::uint64_t tag, undelivered_reason reason);
    /// Ends the oldest STOMP connection that has sent no CONNECT in time, because another client needs its place. Returns false if there is
    /// none.
    bool end_silent_one();
    /// The socket is closed. Must be called exactly once after established().
    void closed(connection& c, std::uint16_t code, std::string_view reason, close_cause cause);
    /// See bus_port::reached().
    position reached(const connection& c) const;

    // ------------------------------------------------------------------ called by redis/ (push_port)
    void on_push(const proto::envelope& push, const push_origin& from) override;
    std::vector<registration> enrolled() const override;
    bool holds(const std::string& connection) const override;
    void on_registered(const std::string& connection, registered there) override;
    void on_retired(const std::string& connection, place at, unsigned shard) override;
    void on_claimed(const std::string& connection) override;
    void on_fenced(ends_told told, const std::function<bool(const std::string& connection)>& whose = {}) override;
    void on_gap() override;
    void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) override;
    /// Sends the disconnect event of a dead instance's connection to this instance's app. `done` gets true if the app accepted it or no
    /// route wants it.
    void disconnect_on_behalf(const lost_connection& lost, std::function<void(bool)> done);
    /// Sends callbacks to the app (a source's `delivered`). `done` gets true if the app accepted them or never will.
    void tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done);

    // ------------------------------------------------------------------ called by app/
    std::size_t connections() const;
    /// The number of connections that are open or whose disconnect event is under way.
    std::size_t unfinished() const;
    const hub& registry() const;
    const recent& recent_events() const;
    waiting_events waiting() const;
    const std::string& instance() const;
    void set_instance(std::string instance);
    /// Must be called after the configuration given to the constructor has changed in place.
    void reconfigured();
    /// The spans of handshakes, events and pushes, for the exporter.
    tracer& spans();

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace wsidecar::core
