#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/net/handover.hpp"
#include "sidecar/net/timers.hpp"

namespace wsidecar::net {

class listener;
struct http_shared;
struct session_shared;

/// Everything about clients: listening, the HTTP phase, open connections, the drain. What app/ sees of it. All on the
/// event loop. Must outlive io_context::run; `clock`, `gateway` and `metrics` must outlive it.
class server {
public:
    /// `config` is the one in force, and may change in place (then configure() is called).
    server(boost::asio::io_context& loop, core::gateway& gateway, core::metrics& metrics, timers& clock,
           const config::config& config, core::gateway::find_route routes, passing pass);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Listens on config.listen.address. Throws boost::system::system_error, std::invalid_argument (address) or
    /// std::runtime_error (certificate, key).
    void start();
    /// Where it listens, with the actual port.
    boost::asio::ip::tcp::endpoint endpoint() const;

    /// What clients' requests are checked by from now on: the routes of this reading of the configuration, which must live as
    /// long as connections that were opened under them. Reads the certificate files again: new connections get them. Throws
    /// std::runtime_error for bad certificates (then nothing has changed). The listening address stays what it was. start()
    /// does it with the configuration in force unless it was done before.
    void configure(const config::config& generation);
    /// The configuration in force has changed.
    void reconfigured();

    struct bounds {
        std::size_t pending = 8192;                      ///< connections before their handshake
        std::size_t pending_bytes = 32UL * 1024 * 1024;  ///< that they hold
        std::size_t sockets = 0;                         ///< of connections, and of tunnels, which have two; 0: any number
    };
    void limit(bounds b);
    /// As they are in force: a TLS handshake takes memory of its own, so there are fewer of them.
    bounds limits() const;
    struct usage {
        std::size_t pending = 0;
        std::size_t pending_bytes = 0;
        bool pending_full = false;  ///< within the last 10 s some had to go to make room
        std::size_t tunnels = 0;
        std::size_t sockjs_sessions = 0;
        std::size_t sockjs_ended = 0;  ///< bytes of those that have ended
    };
    usage used() const;
    /// Bytes that are kept for open connections; looks at each.
    std::size_t held_bytes() const;

    /// Answers new upgrades with 503 and Retry-After; the listener stays open. `passing` goes on.
    void refuse_upgrades(bool refuse);
    /// The process is short of memory (limits.memory): new upgrades get 503, and those that hold most are ended until `bytes` of
    /// theirs are gone: connections (1013), whatever it is that they hold, and addresses by what they have before a handshake.
    void shed(bool short_of_memory, std::size_t bytes);

    /// Closes all connections with 1001, spread over `period`, each once nothing of it is under way (at the latest app.timeout
    /// and a second after `period`). `done` runs once none is left (a close has a deadline too).
    void drain(std::chrono::milliseconds period, std::function<void()> done);
    /// Closes all connections with 1001 now, whatever is under way.
    void close_all();
    /// Connections whose end the gateway has not been told of.
    std::size_t sessions() const;
    /// Closes the listener and every socket, at once; the gateway is told of each connection.
    void stop();

private:
    void drain_step();
    boost::asio::io_context& loop_;
    timers& clock_;
    core::metrics& metrics_;
    void bound();

    const config::config& config_;
    bounds bounds_;
    std::unique_ptr<session_shared> sessions_;
    std::shared_ptr<http_shared> http_;
    std::unique_ptr<listener> listener_;
    core::timer_port::handle drain_timer_;
    timers::clock::time_point drain_end_;
    std::function<void()> drained_;
};

}  // namespace wsidecar::net
