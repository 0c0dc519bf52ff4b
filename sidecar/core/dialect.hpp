#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/stomp/ant_path.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/exchange.hpp"

namespace wsidecar::core {

struct delivery;
struct handshake;
struct opening;

/// A destination that a client has subscribed to.
struct subscribed_to {
    std::string key;
    std::optional<proto::stomp::ant_pattern> pattern;
    bool of_broker = false;  ///< a destination that all users share, and not the user's own
    bool of_app = false;     ///< an app destination, answered once by the app; pushes do not reach it
};

/// Whether a destination is for one session only: `/queue/x-user<session>`, the form of Spring's own broker. No pattern matches it.
inline bool is_session_destination(std::string_view destination) {
    return destination.find("-user", destination.rfind('/') + 1) != std::string_view::npos;
}

/// What differs between the protocols above WebSocket. A connection's route determines its dialect for its whole life. There is one
/// object for each dialect; it holds no state of single connections. Event loop only.
class dialect : public event_sender {
public:
    // ------------------------------------------------------------------------------------ the handshake
    /// The handshake has passed every check that does not need the app.
    virtual void open(const std::shared_ptr<opening>& o, const handshake& h) = 0;
    /// Adds a header line to later events. Called before established().
    virtual void add_header(connection& c, const std::string& line) { (void)c, (void)line; }
    /// The 101 is queued, and the connection has its session.
    virtual void established(connection& c) = 0;
    virtual void token_expired(connection& c) = 0;
    /// The socket is closed, and the connection has left the hub.
    virtual void closed(connection& c) { (void)c; }

    // ------------------------------------------------------------------------------------ what the client sends
    /// The client has sent a complete message.
    virtual void received(connection& c, bool text, std::string_view payload) = 0;
    /// Processes the first item of the connection's inbound queue. The implementation ends the turn with inbound_lane::done().
    virtual void take_turn(const connection_ptr& c, inbound_work::item item) = 0;
    /// Bytes held for a client's incomplete messages.
    virtual std::size_t held_bytes(const connection& c) const { return (void)c, 0; }
    /// Whether the dialect itself sends the client something at least once in `period`.
    virtual bool beats_within(const connection& c, std::chrono::milliseconds period) const {
        return (void)c, (void)period, false;
    }

    // ------------------------------------------------------------------------------------ the registry
    /// The names of the connection's subscriptions for the registry (registration::names).
    virtual std::vector<std::string> names(const connection& c) const { return (void)c, std::vector<std::string>(); }
    /// Updates the registry, because the connection's names have changed.
    virtual void reenroll(connection& c) = 0;
    virtual std::vector<subscribed_to> subscriptions(const connection& c) const {
        return (void)c, std::vector<subscribed_to>();
    }

    // ------------------------------------------------------------------------------------ pushes
    /// The name (with its kind in front) under which an unconfirmed push of this connection is routed again; empty if there is none.
    virtual std::string route_name(const connection& c, const delivery& d, delivery_id id) const = 0;
    /// The connection ends: adds the list pushes that the dialect holds back to `left`, and settles those that only the dialect knows.
    virtual void drop_held(connection& c, std::vector<delivery_id>& left) { (void)c, (void)left; }
    /// Removes a list push that a subscription holds back. `sent_as` identifies push and subscription. Returns its tag, or 0 if there is none.
    virtual std::uint64_t withdraw_held(connection& c, std::uint64_t sent_as) { return (void)c, (void)sent_as, 0; }
    /// Removes a list push that waits for the client's ACK. Returns its delivery, or 0 if there is none.
    virtual delivery_id withdraw_unacknowledged(connection& c, std::uint64_t sent_as) { return (void)c, (void)sent_as, 0; }
    /// The list push `id` came as part of a history that was or will be sent. Returns whether the client's ACK of that message confirms it; then
    /// the dialect waits for the ACK.
    virtual bool awaits_ack_of_history(connection& c, delivery_id id, place at, std::uint64_t sent_as, std::size_t bytes) {
        return (void)c, (void)id, (void)at, (void)sent_as, (void)bytes, false;
    }
};

/// All dialects. A connection's route chooses one when it is opened.
struct dialects {
    dialect& raw;
    dialect& stomp;

    dialect& of(const config::route& r) const { return r.protocol == config::client_protocol::stomp ? stomp : raw; }
};

}  // namespace wsidecar::core
