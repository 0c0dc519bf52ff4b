#pragma once

// An app that misbehaves to order: plain Asio sockets on the test's own loop, no HTTP library in between.

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wsidecar::net::testing {

namespace asio = boost::asio;
using stream = asio::generic::stream_protocol;

/// One connection to the fault app.
class fault_peer : public std::enable_shared_from_this<fault_peer> {
public:
    using handler = std::function<void(fault_peer&, const std::string& head, const std::string& body)>;

    fault_peer(stream::socket s, handler h) : socket_(std::move(s)), handler_(std::move(h)) {}

    void send(std::string_view bytes) {
        boost::system::error_code ignored;
        asio::write(socket_, asio::buffer(bytes), ignored);
    }
    /// What the kernel takes at once.
    std::size_t send_now(std::string_view bytes) {
        boost::system::error_code ignored;
        socket_.non_blocking(true);
        return socket_.write_some(asio::buffer(bytes), ignored);
    }
    void answer(std::string_view body, std::string_view extra = "") {
        send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(extra) + "\r\n" +
             std::string(body));
    }
    void close() {
        boost::system::error_code ignored;
        socket_.shutdown(stream::socket::shutdown_both, ignored);
        socket_.close(ignored);
    }
    /// RST instead of FIN.
    void reset() {
        boost::system::error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
    }
    void end_output() {
        boost::system::error_code ignored;
        socket_.shutdown(stream::socket::shutdown_send, ignored);
    }
    /// From now on bytes are not read as requests: `raw` gets them, "" at the end.
    void upgrade(std::function<void(fault_peer&, std::string)> raw) {
        raw_ = std::move(raw);
        if (!pending_.empty()) {
            raw_(*this, std::exchange(pending_, {}));
        }
    }
    /// Called before the body of a request is waited for.
    std::function<void(fault_peer&, const std::string& head)> on_head;
    bool stop_reading = false;
    bool gone = false;  ///< the other side closed or broke
    int requests = 0;

    void read() {
        if (stop_reading) {
            return;
        }
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
                                    if (ec) {
                                        self->gone = true;
                                        if (self->raw_) {
                                            self->raw_(*self, "");
                                        }
                                        return;
                                    }
                                    self->take(std::string(self->buffer_.data(), n));
                                    if (self->socket_.is_open()) {
                                        self->read();
                                    }
                                });
    }

private:
    void take(std::string bytes) {
        if (raw_) {
            raw_(*this, std::move(bytes));
            return;
        }
        pending_ += bytes;
        while (!raw_) {
            const auto end = pending_.find("\r\n\r\n");
            if (end == std::string::npos) {
                return;
            }
            const std::string head = pending_.substr(0, end + 4);
            if (on_head) {
                std::exchange(on_head, nullptr)(*this, head);
            }
            const auto size = body_size(head, end + 4);
            if (!size || pending_.size() < end + 4 + *size) {
                return;
            }
            const std::string body = pending_.substr(end + 4, *size);
            pending_.erase(0, end + 4 + *size);
            ++requests;
            handler_(*this, head, body);
        }
    }

    std::optional<std::size_t> body_size(const std::string& head, std::size_t at) const {
        if (head.find("Transfer-Encoding: chunked") != std::string::npos) {
            const auto last = pending_.find("0\r\n\r\n", at);
            return last == std::string::npos ? std::nullopt : std::optional(last + 5 - at);
        }
        const auto length = head.find("Content-Length: ");
        return length == std::string::npos ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10);
    }

    stream::socket socket_;
    handler handler_;
    std::function<void(fault_peer&, std::string)> raw_;
    std::array<char, 65536> buffer_{};
    std::string pending_;
};

/// Listens on a free port of the loopback interface, or on a unix socket.
class fault_app {
public:
    fault_app(asio::io_context& loop, fault_peer::handler h)
        : fault_app(loop, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0), std::move(h)) {
        const auto bound = acceptor_.local_endpoint();
        asio::ip::tcp::endpoint at;
        std::memcpy(at.data(), bound.data(), bound.size());
        port_ = at.port();
    }
    fault_app(asio::io_context& loop, stream::endpoint at, fault_peer::handler h) : acceptor_(loop), handler_(std::move(h)) {
        acceptor_.open(at.protocol());
        acceptor_.set_option(asio::socket_base::reuse_address(true));
        acceptor_.bind(at);
        acceptor_.listen();
        accept();
    }
    ~fault_app() { close(); }

    unsigned short port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (auto& p : peers) {
            p->close();
        }
    }

    std::vector<std::shared_ptr<fault_peer>> peers;
    std::function<void(fault_peer&)> on_accept;

private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, stream::socket s) {
            if (ec) {
                return;
            }
            peers.push_back(std::make_shared<fault_peer>(std::move(s), handler_));
            if (on_accept) {
                on_accept(*peers.back());
            }
            peers.back()->read();
            accept();
        });
    }

    asio::basic_socket_acceptor<stream> acceptor_;
    fault_peer::handler handler_;
    unsigned short port_ = 0;
};

/// Runs the loop until `done` holds; false when it does not within 5 s.
template <class Predicate>
bool run_until(asio::io_context& loop, Predicate done, std::chrono::milliseconds most = std::chrono::seconds(5)) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace wsidecar::net::testing
