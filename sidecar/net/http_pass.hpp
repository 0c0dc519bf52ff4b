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

/// What http_pass needs of the configuration.
struct pass_options {
    std::string url = "http://127.0.0.1:8080";  ///< app.url
    /// pass.timeout: for a place, and then from the whole request to the head of the answer.
    std::chrono::milliseconds timeout{60'000};
    std::size_t concurrency = 256;  ///< pass.concurrency: requests at the app at once; as many more wait, or 64
    std::size_t per_address = 0;    ///< connections_per_address: those of one client's address at once; 0: half of them all
    std::string host;               ///< app.host; empty: the client's (preserve)
    std::vector<std::string> trusted_proxies{"private"};
    /// A client that in this time neither sends 16 KiB of its body, or the rest, nor takes 16 KiB of the answer is cut off.
    std::chrono::milliseconds stall{60'000};
};

pass_options pass_options_of(const config::config& c);

/// `http: pass`: streams requests that are no business of the gateway to the app and the answers back, and tunnels upgrades
/// that no route matches. Bodies are never whole in memory; what comes is passed on at once (server-sent events).
/// The app not reachable: 502; no head of an answer in time: 504. Runs on the event loop, must outlive io_context::run.
class http_pass {
public:
    /// Throws std::invalid_argument for a bad URL: configuration, checked before.
    http_pass(boost::asio::io_context& loop, pass_options options, core::metrics& metrics);
    ~http_pass();
    http_pass(const http_pass&) = delete;
    http_pass& operator=(const http_pass&) = delete;

    /// Passes one request through. `read_only`: the path is a route or an event path, only GET, HEAD and OPTIONS get through
    /// (else 405). `again` takes the client back for its next request; not called when its connection has ended.
    void request(handover h, bool read_only, std::function<void(transport, std::string)> again);
    /// Whether one more request finds a place, or may wait for one.
    bool room() const;
    /// Sends the client's own upgrade request to the app and relays bytes both ways after its 101; another answer is relayed.
    void tunnel(handover h);

    /// Options for the next requests. Throws as the constructor.
    void configure(pass_options options);
    /// Drain: closes the tunnels; requests under way go on.
    void close_tunnels();
    /// Requests and tunnels under way; of the requests those that have a place at the app.
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
