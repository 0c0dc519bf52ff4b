#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <set>
#include <string>

#include "config/config.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/net/listener.hpp"
#include "sidecar/net/timers.hpp"

namespace wsidecar::net {

/// A STOMP broker over TCP for the co-located app's own relay (`relay.address`; Spring's enableStompBrokerRelay): the app keeps
/// its WebSocket endpoint, and what it SENDs to a destination reaches the subscribers of all pods, as from RabbitMQ. Every
/// destination is the broker's; nothing is an event. On loopback only, so credentials are not asked for. Event loop only.
class relay {
public:
    relay(boost::asio::io_context& loop, core::gateway& gateway, timers& clock, const config::relay& settings);
    ~relay();

    /// Listens. Throws as listener::start.
    void start();
    /// Closes every session; the app's relay connects again elsewhere, or later.
    void stop();
    boost::asio::ip::tcp::endpoint endpoint() const { return listener_.endpoint(); }
    std::size_t sessions() const;

private:
    class session;
    struct shared;
    std::shared_ptr<shared> shared_;
    std::string address_;
    listener listener_;
};

}  // namespace wsidecar::net
