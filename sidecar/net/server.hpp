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

    /// Another configuration for what comes from now on; open connections keep their route, which must live as long as they
    /// do, `config` until the next call. Reads the certificate files again: new connections get them. Throws
    /// std::runtime_error for bad certificates (then nothing has changed). The listening address stays what it was.
    void configure(const config::config& config);

    /// Answers new upgrades with 503 and Retry-After; the listener stays open. `passing` goes on.
    void refuse_upgrades(bool refuse);
    /// The process is short of memory (limits.memory): new upgrades get 503, and the largest queues are closed with 1013
    /// until `bytes` of them are gone.
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
    void pace();

    boost::asio::io_context& loop_;
    timers& clock_;
    core::metrics& metrics_;
    const config::config* config_;
    std::unique_ptr<session_shared> sessions_;
    std::shared_ptr<http_shared> http_;
    std::unique_ptr<listener> listener_;
    core::timer_port::handle drain_timer_;
    timers::clock::time_point drain_end_;
    std::function<void()> drained_;
};

}  // namespace wsidecar::net
