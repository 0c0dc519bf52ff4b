#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/fair_queue.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/app_endpoint.hpp"

namespace wsidecar::net {

class app_connection;
struct app_exchange;

/// The configuration of app_client (`app`).
struct app_options {
    std::string url = "http://127.0.0.1:8080";  ///< or unix:/path
    std::chrono::milliseconds timeout{10'000};  ///< from writing the request to the complete answer
    std::size_t concurrency = 64;               ///< most requests at once; a quarter is for reserved ones only
    std::string health;                         ///< app.health: the path that probe() requests; if empty, probe() only connects
    std::vector<std::string> signing_secrets;   ///< Standard Webhooks secrets, as configured; if empty, requests are unsigned
    std::size_t max_answer = 1024 * 1024;       ///< most bytes of an answer's decoded body; above it, the failure is too_big
    std::uint32_t max_answer_head = 64 * 1024;  ///< most bytes of an answer's head; above it, the failure is cut
    bool quiet = false;                         ///< failures are not logged here, but by the caller
    std::chrono::milliseconds idle{
        5'000};  ///< idle connections are closed after this; common servers close later (Tomcat: 20 s)
};

app_options app_options_of(const config::app& c);

/// Sends requests to the app over HTTP/1.1 with keep-alive connections. Event loop only; must outlive io_context::run. Requests in flight on
/// destruction get no answer.
class app_client final : public core::app_port {
public:
    using wall_clock = std::function<std::chrono::system_clock::time_point()>;

    /// `wall` gives the time for webhook-timestamp. Throws std::invalid_argument for a bad URL or signing secret, which the validation of
    /// the configuration excludes.
    app_client(boost::asio::io_context& loop, app_options options, wall_clock wall = &std::chrono::system_clock::now);
    ~app_client() override;
    app_client(const app_client&) = delete;
    app_client& operator=(const app_client&) = delete;

    void send(core::app_request request, std::function<void(core::app_answer)> done) override;
    bool accepting() const override { return accepting_; }

    /// Checks within 2 s whether the app accepts a connection or, with app.health, answers that path with 2xx. Does not count towards
    /// app.concurrency.
    void probe(std::function<void(bool)> done);
    /// Connects to the app if nothing has been heard of it for 2 s, so that accepting() is true to life even if nobody asks /readyz and no
    /// client sends anything. Called each second.
    void look();
    /// Sets the options for later requests. A different URL empties the pool. Throws as the constructor does.
    void configure(app_options options);
    /// Drops all connections and requests. No callback runs afterwards.
    void stop();

    struct numbers {
        std::size_t in_flight = 0;
        std::size_t queued = 0;
        std::size_t connections = 0;  ///< open now
        std::uint64_t opened = 0;     ///< connections made since the start
        std::uint64_t reused = 0;     ///< requests on a kept connection
        std::uint64_t resent = 0;     ///< requests sent again because a kept connection had been closed
        std::uint64_t waited = 0;     ///< requests that found no place in app.concurrency
    };
    numbers stats() const;

private:
    friend class app_connection;
    using clock = std::chrono::steady_clock;
    using exchange_ptr = std::unique_ptr<app_exchange>;
    using connection_ptr = std::shared_ptr<app_connection>;
    using timer =
        boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, boost::asio::io_context::executor_type>;

    // called by app_connection
    /// Appends the three webhook-* lines when there are secrets; the time is that of this attempt.
    void sign(const core::app_request& request, std::string& out) const;
    void on_answer(app_connection& c, core::app_answer answer, bool reusable);
    void on_failure(app_connection& c, core::app_failure failure, const char* why);
    void on_idle_end(app_connection& c);

    bool room_for(bool reserved) const;
    std::size_t ordinary_places() const;
    std::size_t share() const;
    exchange_ptr next_waiting();
    void pump();
    void launch(exchange_ptr x);
    void launch_fresh(exchange_ptr x);
    void dialled(exchange_ptr x, unsigned epoch, boost::system::error_code ec, app_socket socket);
    void finish(exchange_ptr x, core::app_answer answer);
    void drop(app_connection& c);
    void set_accepting(bool yes, std::string_view why);
    std::chrono::milliseconds dial_timeout() const;
    void arm_sweep();
    void sweep();

    boost::asio::io_context& loop_;
    wall_clock wall_;
    app_options options_;
    app_endpoint where_;
    std::vector<std::string> signing_keys_;
    unsigned epoch_ = 0;  ///< counts changes of the URL
    bool accepting_ = true;
    clock::time_point heard_;  ///< when accepting_ was last known to be so
    bool looking_ = false;
    bool reserved_turn_ = false;
    bool pumping_ = false;
    bool sweeping_ = false;
    bool slow_sweep_ = false;  ///< the pending sweep is one of idle connections
    std::size_t in_flight_ = 0;
    std::size_t ordinary_in_flight_ = 0;
    core::fair_queue<exchange_ptr> ordinary_;
    std::deque<exchange_ptr> reserved_;
    std::vector<connection_ptr> connections_;
    std::vector<connection_ptr> idle_;  ///< the most recently used at the back
    std::uint64_t opened_ = 0;
    std::uint64_t reused_ = 0;
    std::uint64_t resent_ = 0;
    std::uint64_t waited_ = 0;
    timer sweep_timer_;
    clock::time_point sweep_due_;
    std::shared_ptr<app_client*> self_;  ///< shared with pending dials; null after stop()
};

}  // namespace wsidecar::net
