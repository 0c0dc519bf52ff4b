#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

#include "sidecar/net/timers.hpp"
#include "sidecar/net/transport.hpp"

namespace wsidecar::net {

struct listener_options {
    std::string address;  ///< "host:port", "[v6]:port" or ":port" (all addresses); port 0: any
    bool secure = false;  ///< clients speak TLS, so refusals are not sent as plain text
    int send_buffer =
        0;  ///< SO_SNDBUF of each connection, in bytes; 0 for the kernel's default. Counts towards the pod's memory
    std::chrono::milliseconds user_timeout{
        60'000};  ///< TCP_USER_TIMEOUT: a connection with unacknowledged data ends after this time
};

/// Accepts clients. Socket options are set on the listening socket, whose connections inherit them (tcp(7)).
class listener {
public:
    using on_client = std::function<void(tcp_socket, boost::asio::ip::tcp::endpoint peer)>;

    listener(boost::asio::io_context& loop, timers& clock, on_client f);

    /// Binds and begins to accept. Throws boost::system::system_error, or std::invalid_argument for a malformed address.
    void start(const listener_options& options);
    /// The address on which it listens, with the actual port.
    boost::asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
    /// Accepts at most `per_second` connections per second (0 for no limit), in bursts of 50 ms. The others wait in the kernel's backlog.
    /// `held` is called each time this pauses accepting.
    void pace(std::uint32_t per_second, std::function<void()> held);
    /// Called after each client. Returning true pauses accepting until resume(), or for a moment; clients wait in the kernel's backlog.
    std::function<bool()> rushed = [] { return false; };
    void resume();
    /// Called for each client that was refused because no file descriptor was left.
    std::function<void()> out_of_descriptors = [] {};
    void stop();

private:
    using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, loop_executor>;
    void accept();
    bool take(boost::system::error_code ec, tcp_socket socket);
    void out_of_files(boost::system::error_code ec);
    bool refuse_one();
    double ahead_of_rate();
    void rest(std::chrono::milliseconds d);

    boost::asio::io_context& loop_;
    timers& clock_;
    on_client on_client_;
    acceptor acceptor_;
    boost::asio::ip::tcp::endpoint peer_;  ///< of the client that was accepted last
    core::timer_port::handle retry_;
    std::uint32_t rate_ = 0;
    double allowance_ = 0;  ///< connections that may be accepted now
    timers::clock::time_point counted_;
    std::function<void()> held_;
    bool accepting_ = false;
    bool resting_ = false;  ///< accepting is paused because of rushed()
    listener_options options_;
    int spare_ = -1;  ///< a reserve descriptor, released to accept and refuse one more client
};

/// "host:port", "[v6]:port", ":port". Throws std::invalid_argument or boost::system::system_error.
boost::asio::ip::tcp::endpoint listen_endpoint(boost::asio::io_context& loop, const std::string& address);

}  // namespace wsidecar::net
