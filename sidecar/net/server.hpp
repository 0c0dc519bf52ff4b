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

/// The client side: listening, the HTTP phase, open connections, the drain. app/ uses only this class. Event loop only. It must outlive
/// io_context::run; `clock`, `gateway` and `metrics` must outlive it.
class server {
public:
    /// `config` is the configuration in force. It may change in place, followed by a call of configure().
    server(boost::asio::io_context& loop, core::gateway& gateway, core::metrics& metrics, timers& clock,
           const config::config& config, core::gateway::find_route routes, passing pass);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Listens on config.listen.address. Throws boost::system::system_error, std::invalid_argument (address) or
    /// std::runtime_error (certificate, key).
    void start();
    /// The address on which it listens, with the actual port.
    boost::asio::ip::tcp::endpoint endpoint() const;

    /// Sets the configuration by which later requests are checked. Its routes must live as long as connections that were opened with them.
    /// Reads the certificate files again, for new connections. Throws std::runtime_error for bad certificates, and then changes nothing.
    /// The listening address does not change. start() calls this with the configuration in force unless it was called before.
    void configure(const config::config& generation);
    /// The configuration in force has changed.
    void reconfigured();

    struct bounds {
        std::size_t pending = 8192;                      ///< most connections before their handshake
        std::size_t pending_bytes = 32UL * 1024 * 1024;  ///< most bytes that these hold
        std::size_t sockets = 0;  ///< most sockets of connections and tunnels (which have two); 0 for no limit
    };
    void limit(bounds b);
    /// The bounds in force. With TLS there are fewer pending connections, because a TLS handshake needs memory.
    bounds limits() const;
    struct usage {
        std::size_t pending = 0;
        std::size_t pending_bytes = 0;
        bool pending_full = false;  ///< pending connections were closed within the last 10 s to make room
        std::size_t tunnels = 0;
        std::size_t sockjs_sessions = 0;
        std::size_t sockjs_ended = 0;  ///< bytes held for ended SockJS sessions
    };
    usage used() const;
    /// Bytes held for open connections. Visits each of them.
    std::size_t held_bytes() const;

    /// Answers new upgrades with 503 and Retry-After; the listener stays open. `passing` goes on.
    void refuse_upgrades(bool refuse);
    /// If the process is short of memory (limits.memory): answers new upgrades with 503, and frees `bytes` by closing the connections that
    /// hold most (1013) and the pending connections of the addresses that hold most.
    void shed(bool short_of_memory, std::size_t bytes);

    /// Closes all connections with 1001, spread over `period`, each when none of its messages is under way, and at the latest app.timeout
    /// plus 1 s after `period`. `done` runs when none is left; closing has a deadline, too.
    void drain(std::chrono::milliseconds period, std::function<void()> done);
    /// Closes all connections with 1001 now, whatever is under way.
    void close_all();
    /// The number of connections for which gateway::closed() has not been called.
    std::size_t sessions() const;
    /// Closes the listener and all sockets at once, and calls gateway::closed() for each connection.
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
