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
    bool of_broker = false;  ///< everybody's, and not the user's own
    bool of_app = false;     ///< was answered by the app once: no push finds it
};

/// `/queue/x-user<session>`: how Spring's own broker names what one session alone gets. No pattern matches it.
inline bool is_session_destination(std::string_view destination) {
    return destination.find("-user", destination.rfind('/') + 1) != std::string_view::npos;
}

/// What differs between the protocols that clients speak above WebSocket. A connection gets its dialect when it is opened, by its
/// route, and keeps it; there is one object of each kind, which holds no connection's state itself.
class dialect : public event_sender {
public:
    // ------------------------------------------------------------------------------------ the handshake
    /// The handshake has passed every check that needs no app.
    virtual void open(const std::shared_ptr<opening>& o, const handshake& h) = 0;
    /// A line that later events carry, too. Before established().
    virtual void add_header(connection& c, const std::string& line) { (void)c, (void)line; }
    /// The 101 is on its way, and the connection has its session.
    virtual void established(connection& c) = 0;
    virtual void token_expired(connection& c) = 0;
    /// The socket is gone, and the connection has left the hub.
    virtual void closed(connection& c) { (void)c; }

    // ------------------------------------------------------------------------------------ what the client sends
    /// A whole message.
    virtual void received(connection& c, bool text, std::string_view payload) = 0;
    /// The first of the connection's inbound queue has its turn. Whoever has it ends it with busy = false and inbound_lane::pump().
    virtual void take_turn(const connection_ptr& c, inbound_work::item item) = 0;
    /// What it keeps of a client's unfinished messages.
    virtual std::size_t held_bytes(const connection& c) const { return (void)c, 0; }
    /// Whether it sends the client something at least so often by itself.
    virtual bool beats_within(const connection& c, std::chrono::milliseconds period) const {
        return (void)c, (void)period, false;
    }

    // ------------------------------------------------------------------------------------ the registry
    /// Names of subscriptions that the registry is told of (registration::names).
    virtual std::vector<std::string> names(const connection& c) const { return (void)c, std::vector<std::string>(); }
    /// The connection's names have changed.
    virtual void reenroll(connection& c) = 0;
    virtual std::vector<subscribed_to> subscriptions(const connection& c) const {
        return (void)c, std::vector<subscribed_to>();
    }

    // ------------------------------------------------------------------------------------ pushes
    /// The name, with its kind in front, under which a push that this connection has not confirmed is routed again; empty: none.
    virtual std::string route_name(const connection& c, const delivery& d, delivery_id id) const = 0;
    /// The connection ends: adds to `left` what it holds back of list pushes, and settles what only it knows of.
    virtual void drop_held(connection& c, std::vector<delivery_id>& left) { (void)c, (void)left; }
    /// Takes the copy of a list push away that a subscription holds back (`sent_as`: the push and the subscription). Its tag; 0: none does.
    virtual std::uint64_t withdraw_held(connection& c, std::uint64_t sent_as) { return (void)c, (void)sent_as, 0; }
    /// The same of one whose client has to acknowledge it: it will not be. Its delivery; 0: there is none.
    virtual delivery_id withdraw_unacknowledged(connection& c, std::uint64_t sent_as) { return (void)c, (void)sent_as, 0; }
};

/// All dialects; a route decides at its connections' opening.
struct dialects {
    dialect& raw;
    dialect& stomp;

    dialect& of(const config::route& r) const { return r.protocol == config::client_protocol::stomp ? stomp : raw; }
};

}  // namespace wsidecar::core
