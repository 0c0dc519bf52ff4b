#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/net/handover.hpp"

namespace wsidecar::net {

/// The configuration of http_pass.
struct pass_options {
    std::string url = "http://127.0.0.1:8080";  ///< app.url
    /// pass.timeout: the longest wait for a place, and then from the complete request to the head of the answer.
    std::chrono::milliseconds timeout{60'000};
    std::size_t concurrency = 256;  ///< pass.concurrency: most requests at the app at once; as many more may wait, or 64
    std::size_t per_address = 0;    ///< connections_per_address: most requests of one client address at once; 0 for half of all
    std::string host;               ///< app.host; if empty, the client's Host header is kept
    std::vector<std::string> trusted_proxies{"private"};
    /// A client is cut off if in this time it neither sends 16 KiB (or the rest) of its body nor takes 16 KiB of the answer.
    std::chrono::milliseconds stall{60'000};
};

pass_options pass_options_of(const config::config& c);

/// `http: pass`: streams requests that are not for the gateway to the app and the answers back, and tunnels upgrades that no route matches.
/// Bodies are never held completely in memory; bytes are passed on as they arrive (server-sent events). The client gets 502 if the app is
/// not reachable, and 504 if the head of the answer is late. Event loop only; must outlive io_context::run.
class http_pass {
public:
    /// Throws std::invalid_argument for a bad URL, which the validation of the configuration excludes.
    http_pass(boost::asio::io_context& loop, pass_options options, core::metrics& metrics);
    ~http_pass();
    http_pass(const http_pass&) = delete;
    http_pass& operator=(const http_pass&) = delete;

    /// Passes one request through. `read_only` means that the path is a route or an event path, so methods other than GET, HEAD and OPTIONS
    /// get 405. `again` takes the client back for its next request; it is not called if the connection has ended.
    void request(handover h, bool read_only, std::function<void(transport, std::string)> again);
    /// Whether one more request gets a place or may wait for one.
    bool room() const;
    /// Sends the client's own upgrade request to the app and relays bytes both ways after its 101; another answer is relayed.
    void tunnel(handover h);

    /// Sets the options for later requests. Throws as the constructor does.
    void configure(pass_options options);
    /// Closes the tunnels, for the drain. Requests under way continue.
    void close_tunnels();
    /// The numbers of requests under way, of those that have a place at the app, and of tunnels.
    std::size_t requests() const;
    std::size_t placed() const;
    std::size_t tunnels() const;
    /// Closes everything.
    void stop();

private:
    class exchange;
    struct shared;
    std::shared_ptr<shared> shared_;
};

}  // namespace wsidecar::net
