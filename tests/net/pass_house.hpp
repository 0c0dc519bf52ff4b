#pragma once

// http_pass between a raw client and the fault app, all on one loop.

#include "sidecar/net/http_pass.hpp"
#include "tests/net/fault_app.hpp"

namespace wsidecar::net::testing {

/// A client's raw socket: writes at once, gathers what comes.
class pass_client : public std::enable_shared_from_this<pass_client> {
public:
    explicit pass_client(tcp_socket s) : socket(std::move(s)) {}

    void send(std::string_view bytes) {
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(bytes), ignored);
    }
    void read() {
        socket.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
            if (ec) {
                self->ended = true;
                return;
            }
            self->got.append(self->buffer_.data(), n);
            if (!self->hold) {
                self->read();
            }
        });
    }

    tcp_socket socket;
    std::string got;
    bool ended = false;
    bool hold = false;  ///< reads no more

private:
    std::array<char, 65536> buffer_{};
};

/// Accepts clients as http_session does and hands each request on.
class pass_house {
public:
    pass_house() : acceptor_(loop, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) { accept(); }

    void serve(fault_peer::handler h) {
        app = std::make_unique<fault_app>(loop, std::move(h));
        options.url = app->url();
        pass = std::make_unique<http_pass>(loop, options, metrics);
    }
    std::shared_ptr<pass_client> connect() {
        tcp_socket s(loop);
        s.connect(acceptor_.local_endpoint());
        auto c = std::make_shared<pass_client>(std::move(s));
        c->read();
        return c;
    }
    template <class Predicate>
    bool until(Predicate p) {
        return run_until(loop, p);
    }
    /// What the client gets for these bytes when the answer holds `last`.
    std::string ask(std::string_view bytes, std::string_view last) {
        auto c = connect();
        c->send(bytes);
        until([&] { return c->got.find(last) != std::string::npos || c->ended; });
        return c->got;
    }

    asio::io_context loop{1};
    core::metrics metrics;
    pass_options options;
    std::unique_ptr<fault_app> app;
    std::unique_ptr<http_pass> pass;
    bool read_only = false;
    bool tunnels = false;
    int handed_back = 0;

private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, tcp_socket s) {
            if (ec) {
                return;
            }
            s.non_blocking(true);
            next(std::make_shared<transport>(std::move(s)), std::make_shared<std::string>());
            accept();
        });
    }
    void next(std::shared_ptr<transport> t, std::shared_ptr<std::string> received) {
        std::array<char, 4096> bytes;
        for (;;) {
            const auto end = received->find("\r\n\r\n");
            if (end != std::string::npos) {
                hand_over(std::move(*t), std::move(*received), end + 4);
                return;
            }
            const auto r = t->read_now(bytes.data(), bytes.size());
            if (r.ec == asio::error::would_block) {
                t->wait_readable([this, t, received](boost::system::error_code ec) {
                    if (!ec) {
                        next(t, received);
                    }
                });
                return;
            }
            if (r.ec) {
                return;
            }
            received->append(bytes.data(), r.n);
        }
    }
    void hand_over(transport t, std::string received, std::size_t head) {
        handover h{std::move(t), std::move(received), head, "203.0.113.7"};
        if (tunnels) {
            pass->tunnel(std::move(h));
            return;
        }
        pass->request(std::move(h), read_only, [this](transport back, std::string rest) {
            ++handed_back;
            next(std::make_shared<transport>(std::move(back)), std::make_shared<std::string>(std::move(rest)));
        });
    }

    asio::basic_socket_acceptor<asio::ip::tcp, loop_executor> acceptor_;
};

}  // namespace wsidecar::net::testing
