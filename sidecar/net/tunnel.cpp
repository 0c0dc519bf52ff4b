#include "sidecar/net/tunnel.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace wsidecar::net {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<loop_executor>> token{};
constexpr auto linger = 30s;
/// A fast app and a fast client must not keep the loop from everybody else.
constexpr unsigned reads_per_turn = 8;

/// One for all tunnels of the loop: bytes stay in it only within one turn.
std::array<char, 16 * 1024>& scratch() {
    static thread_local std::array<char, 16 * 1024> bytes;
    return bytes;
}

}  // namespace

tunnel::tunnel(transport client, app_socket app)
    : client_(std::move(client)), app_(std::move(app)), linger_(app_.get_executor()), both_ended_(app_.get_executor()) {}

void tunnel::close() {
    if (closed_) {
        return;
    }
    closed_ = true;
    error_code ignored;
    app_.close(ignored);
    client_.close();
    linger_.cancel();
    both_ended_.cancel();
}

void tunnel::side_ended() {
    if (--open_sides_ == 0) {
        close();
    } else if (!closed_) {
        arm_linger();
    }
}

void tunnel::arm_linger() {
    linger_.expires_after(linger);
    linger_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec) {
            self->close();
        }
    });
}

task<void> tunnel::run(std::shared_ptr<tunnel> self, std::string to_app, std::string to_client) {
    error_code ignored;
    self->client_.socket().set_option(asio::socket_base::keep_alive(true), ignored);
    self->both_ended_.expires_at(std::chrono::steady_clock::time_point::max());
    asio::co_spawn(self->app_.get_executor(), upstream(self, std::move(to_app)), asio::detached);
    co_await self->app_to_client(std::move(to_client));
    self->side_ended();
    while (self->open_sides_ > 0) {
        auto ended = self->both_ended_.async_wait(token);
        co_await std::move(ended);
    }
    self->close();
}

task<void> tunnel::upstream(std::shared_ptr<tunnel> self, std::string first) {
    co_await self->client_to_app(std::move(first));
    self->side_ended();
    self->both_ended_.cancel();
}

task<void> tunnel::client_to_app(std::string first) {
    std::string rest = std::move(first);
    unsigned reads = 0;
    while (!closed_) {
        if (!rest.empty()) {
            auto writing = asio::async_write(app_, asio::buffer(rest), token);
            auto [ec, n] = co_await std::move(writing);
            if (ec) {
                close();
                co_return;
            }
            rest = {};
            continue;
        }
        if (++reads % reads_per_turn == 0) {
            auto turn = asio::post(app_.get_executor(), token);
            co_await std::move(turn);
            continue;
        }
        const io_result r = client_.read_now(scratch().data(), scratch().size());
        if (r.ec == asio::error::eof) {
            error_code ignored;
            app_.shutdown(app_socket::shutdown_send, ignored);
            co_return;
        }
        error_code ec;
        if (r.ec == asio::error::would_block) {
            auto waiting = asio::async_initiate<decltype(token), void(error_code)>(
                [this](auto handler) { client_.wait_readable(std::move(handler)); }, token);
            std::tie(ec) = co_await std::move(waiting);
        } else if (r.ec) {
            ec = r.ec;
        } else {
            const std::size_t n = app_.write_some(asio::buffer(scratch().data(), r.n), ec);
            rest.assign(scratch().data() + n, r.n - n);
            ec = ec == asio::error::would_block ? error_code() : ec;
        }
        if (ec) {
            close();
        }
    }
}

task<void> tunnel::app_to_client(std::string first) {
    std::string rest = std::move(first);
    unsigned reads = 0;
    bool blocked = !rest.empty();
    while (!closed_) {
        error_code ec;
        if (blocked) {
            ec = co_await client_.write_all(rest);  // with TLS also for no bytes: a record may be half out
            rest = {};
            blocked = false;
        } else if (++reads % reads_per_turn == 0) {
            auto turn = asio::post(app_.get_executor(), token);
            co_await std::move(turn);
        } else {
            const std::size_t n = app_.read_some(asio::buffer(scratch()), ec);
            if (ec == asio::error::eof) {
                client_.shutdown_send();
                co_return;
            }
            if (ec == asio::error::would_block) {
                auto waiting = app_.async_wait(app_socket::wait_read, token);
                std::tie(ec) = co_await std::move(waiting);
            } else if (!ec) {
                iovec part{scratch().data(), n};
                const io_result w = client_.write_now(&part, 1);
                rest.assign(scratch().data() + w.n, n - w.n);
                blocked = w.ec == asio::error::would_block;
                ec = blocked ? error_code() : w.ec;
            }
        }
        if (ec) {
            close();
        }
    }
}

}  // namespace wsidecar::net
