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

/// A STOMP broker over TCP for the app's own relay (`relay.address`; Spring's enableStompBrokerRelay). The app keeps its WebSocket endpoint, and
/// a SEND to a destination reaches the subscribers of all instances, as with RabbitMQ. All destinations belong to the broker, and no frame
/// becomes an event. It listens on loopback only, so it requires no credentials. Event loop only.
class relay {
public:
    relay(boost::asio::io_context& loop, core::gateway& gateway, timers& clock, const config::relay& settings);
    ~relay();

    /// Begins to listen. Throws as listener::start does.
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
