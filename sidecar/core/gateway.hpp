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

/// The use cases: connect, message, disconnect, push. Decides; does no input or output of its own. A facade: the work is done by
/// the modules that `parts` puts together.
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
    /// Decides on an upgrade. `done` runs once, unless abandon() came first. Returns the connection in the making.
    connection_ptr open(handshake h, std::function<void(handshake_verdict)> done);
    /// The client went away before `done`.
    void abandon(connection& c);
    /// The subprotocol that the 101 names, never empty: later events carry it. Before established().
    void chose_subprotocol(connection& c, std::string_view name);
    /// The 101 is queued on `s`: the connect answer's body and live messages follow. `s` must live until closed().
    void established(connection& c, session_port& s);
    /// A whole message of the client.
    void message(connection& c, bool text, std::string_view payload);
    /// Bytes of a STOMP client that has no WebSocket: the app's own relay.
    void relayed(connection& c, std::string_view bytes);
    /// The frame sent with `tag`, and all list pushes sent before it, have arrived (what that means: session_port::send).
    void confirmed(connection& c, std::uint64_t tag);
    /// The frame sent with `tag` has given its place to a newer one.
    void collapsed(connection& c, std::uint64_t tag) { not_sent(c, tag, "collapsed"); }
    /// It was dropped: the peer is slow, and its route would rather lose it than the connection.
    void left_out(connection& c, std::uint64_t tag) { not_sent(c, tag, "slow_consumer"); }
    /// It will not be sent. `reason`: static label of wsidecar_undelivered_total.
    void not_sent(connection& c, std::uint64_t tag, const char* reason);
    /// Another client needs the place of a STOMP connection that has sent no CONNECT although it had time: the one that came first ends now.
    /// False: there is none.
    bool end_silent_one();
    /// The socket is gone, exactly once after established().
    void closed(connection& c, std::uint16_t code, std::string_view reason, close_cause cause);
    /// bus_port::reached().
    place reached() const;

    // ------------------------------------------------------------------ called by redis/ (push_port)
    void on_push(const proto::envelope& push, const push_origin& from) override;
    std::vector<registration> enrolled() const override;
    bool holds(const std::string& connection) const override;
    void on_registered(const std::string& connection, registered there) override;
    void on_retired(const std::string& connection, place at, unsigned shard) override;
    void on_claimed(const std::string& connection) override;
    void on_fenced(const std::function<bool(const std::string& connection)>& whose = {}) override;
    void on_gap() override;
    void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) override;
    /// Sends the disconnect event of a dead instance's connection to this pod's app.
    /// `done(true)`: the app took it (or no route wants it).
    void disconnect_on_behalf(const lost_connection& lost, std::function<void(bool)> done);
    /// Tells the app of deliveries (a source's `delivered`). `done(true)`: it took the call, or never will.
    void tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done);

    // ------------------------------------------------------------------ called by app/
    std::size_t connections() const;
    /// Connections still open, or closed with their disconnect event under way.
    std::size_t unfinished() const;
    const hub& registry() const;
    const recent& recent_events() const;
    waiting_events waiting() const;
    const std::string& instance() const;
    void set_instance(std::string instance);
    /// The configuration that it was made with has changed in place.
    void reconfigured();
    /// Spans of handshakes, events and pushes, for whoever exports them.
    tracer& spans();

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace wsidecar::core
