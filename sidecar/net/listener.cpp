#include "sidecar/net/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "proto/text/host_port.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr int backlog = 4096;  ///< a fleet that redials; the kernel cuts it to somaxconn
/// Clients accepted in one turn of the loop. What they make wsidecar say to Redis leaves in one write.
constexpr int accepted_at_once = 16;

void set(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

void set_options(int fd, const listener_options& options) {
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.send_buffer > 0) {
        // The kernel doubles the number for its own bookkeeping.
        set(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer / 2);
    }
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
}

}  // namespace

tcp::endpoint listen_endpoint(asio::io_context& loop, const std::string& address) {
    const auto parts = proto::split_listen_address(address);
    if (!parts) {
        throw std::invalid_argument("listen address '" + address + "' has no port");
    }
    const std::string host(parts->host);
    const std::string port = std::to_string(*parts->port);
    tcp::resolver resolver(loop);
    const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
    if (host.empty() || host == "*") {
        // All addresses of both families, where the machine has IPv6 at all.
        error_code no_v6;
        asio::ip::tcp::socket probe(loop);
        probe.open(tcp::v6(), no_v6);
        return *resolver.resolve(no_v6 ? "0.0.0.0" : "::", port, flags).begin();
    }
    return *resolver.resolve(host, port, flags).begin();
}

listener::listener(asio::io_context& loop, timers& clock, on_client f)
    : loop_(loop), clock_(clock), on_client_(std::move(f)), acceptor_(loop.get_executor()) {}

void listener::start(const listener_options& options) {
    options_ = options;
    spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const tcp::endpoint where = listen_endpoint(loop_, options.address);
    acceptor_.open(where.protocol());
    set_options(acceptor_.native_handle(), options);
    if (where.address().is_v6()) {
        acceptor_.set_option(asio::ip::v6_only(!where.address().is_unspecified()));
    }
    acceptor_.non_blocking(true);
    acceptor_.bind(where);
    acceptor_.listen(backlog);
    accept();
}

void listener::accept() {
    if (accepting_ || retry_ || !acceptor_.is_open()) {
        return;
    }
    accepting_ = true;
    acceptor_.async_accept(peer_, [this](error_code ec, tcp_socket socket) {
        accepting_ = false;
        if (ec == asio::error::operation_aborted) {
            return;
        }
        for (int n = 1; take(ec, std::move(socket)); ++n) {
            if (!acceptor_.is_open()) {
                return;
            }
            if (n < accepted_at_once) {
                socket = acceptor_.accept(peer_, ec);
            }
            if (n == accepted_at_once || ec == asio::error::would_block) {
                accept();
                return;
            }
        }
    });
}

/// Deals with what accept(2) returned. False: no more are accepted until a timer or resume().
bool listener::take(error_code ec, tcp_socket socket) {
    if (!ec) {
        error_code blocking;
        socket.non_blocking(true, blocking);
        if (!blocking) {
            on_client_(std::move(socket), peer_);
        }
    } else if (ec.value() == EMFILE || ec.value() == ENFILE || ec.value() == ENOBUFS || ec.value() == ENOMEM) {
        out_of_files(ec);
        return false;
    }
    if (const double early = ahead_of_rate(); early > 0) {
        held_();
        rest(std::max(10ms, std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(1000 * early)))));
        return false;
    }
    if (rushed()) {
        rest(50ms);
        resting_ = true;
        return false;
    }
    return true;
}

void listener::pace(std::uint32_t per_second, std::function<void()> held) {
    rate_ = per_second;
    held_ = std::move(held);
}

/// How many seconds too early the last connection was accepted.
double listener::ahead_of_rate() {
    if (rate_ == 0) {
        return 0;
    }
    const auto now = clock_.now();
    const double seconds = std::chrono::duration<double>(now - counted_).count();
    counted_ = now;
    const double most = std::max(1.0, rate_ / 20.0);
    allowance_ = std::min(most, allowance_ + seconds * rate_) - 1;
    return allowance_ >= 0 ? 0 : -allowance_ / rate_;
}

void listener::resume() {
    if (std::exchange(resting_, false)) {
        retry_.reset();
        boost::asio::post(loop_, [this] { accept(); });
    }
}

void listener::rest(std::chrono::milliseconds d) {
    resting_ = false;
    retry_ = clock_.after(d, [this] {
        retry_.reset();
        accept();
    });
}

/// No descriptor is left in spite of the reserve. Refuses the client with the spare descriptor.
void listener::out_of_files(error_code ec) {
    core::log::limited(core::log::level::error, "listener", "can't accept: clients are refused (503)",
                       {{"error", ec.message()}});
    for (int i = 0; i < 64 && refuse_one(); ++i) {
        out_of_descriptors();
    }
    rest(50ms);
}

bool listener::refuse_one() {
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\nContent-Length: "
        "24\r\nConnection: close\r\n\r\nno descriptors are left\n";
    if (spare_ < 0) {
        spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        return false;
    }
    ::close(std::exchange(spare_, -1));
    const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (!options_.secure) {
            (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
        ::shutdown(fd, SHUT_WR);
        char sink[4096];
        (void)::recv(fd, sink, sizeof sink, 0);  // what is unread when it is closed would make the kernel send a RST
        ::close(fd);
    }
    spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

void listener::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.reset();
    if (spare_ >= 0) {
        ::close(std::exchange(spare_, -1));
    }
}

}  // namespace wsidecar::net
