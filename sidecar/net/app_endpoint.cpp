#include "sidecar/net/app_endpoint.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <vector>

namespace wsidecar::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr problem bad_url{"bad_app_url", "app.url must be http://host:port or unix:/path"};

bool is_port(std::string_view text) {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    return ec == std::errc() && end == text.data() + text.size() && value > 0 && value <= 65535;
}

bool is_plain(std::string_view text) {
    for (const char c : text) {
        if (c <= ' ' || c == '\x7f' || c == '@' || c == '?' || c == '#') {
            return false;
        }
    }
    return true;
}

/// One dial: resolve, then connect to each address until one takes it or the time is up.
class dialling : public std::enable_shared_from_this<dialling> {
public:
    dialling(asio::io_context& loop, app_endpoint where, std::function<void(error_code, app_socket)> done)
        : loop_(loop), where_(std::move(where)), done_(std::move(done)), resolver_(loop), timer_(loop), socket_(loop) {}

    void start(std::chrono::milliseconds timeout) {
        timer_.expires_after(timeout);
        timer_.async_wait([self = shared_from_this()](error_code ec) {
            if (!ec) {
                self->finish(asio::error::timed_out);
            }
        });
        // Posted, so that a dial never completes inside the call that asked for it.
        asio::post(loop_, [self = shared_from_this()] { self->resolve(); });
    }

private:
    void resolve() {
        if (!where_.unix_path.empty()) {
            error_code ec;
            add_unix();
            next(ec);
            return;
        }
        error_code no_literal;
        const auto address = asio::ip::make_address(where_.host, no_literal);
        if (!no_literal) {
            addresses_.emplace_back(tcp::endpoint(address, static_cast<unsigned short>(std::stoul(where_.port))));
            next({});
            return;
        }
        resolver_.async_resolve(where_.host, where_.port, [self = shared_from_this()](error_code ec, const auto& found) {
            for (const auto& entry : found) {
                self->addresses_.emplace_back(entry.endpoint());
            }
            self->next(ec ? ec : asio::error::host_not_found);
        });
    }

    void add_unix() {
        if (where_.unix_path.size() < sizeof(sockaddr_un::sun_path)) {
            addresses_.emplace_back(asio::local::stream_protocol::endpoint(where_.unix_path));
        }
    }

    /// Tries the next address; reports `last` if there is none left.
    void next(error_code last) {
        if (!done_) {
            return;
        }
        if (at_ == addresses_.size()) {
            finish(last ? last : error_code(asio::error::host_not_found));
            return;
        }
        const auto& address = addresses_[at_++];
        error_code ec;
        socket_.close(ec);
        socket_.open(address.protocol(), ec);
        if (!ec) {
            socket_.non_blocking(true, ec);
        }
        if (ec) {
            finish(ec);
            return;
        }
        if (where_.unix_path.empty()) {
            error_code ignored;
            socket_.set_option(tcp::no_delay(true), ignored);
        }
        socket_.async_connect(
            address, [self = shared_from_this()](error_code failed) { failed ? self->next(failed) : self->finish({}); });
    }

    void finish(error_code ec) {
        if (!done_) {
            return;
        }
        auto done = std::exchange(done_, nullptr);
        timer_.cancel();
        resolver_.cancel();
        if (ec) {
            error_code ignored;
            socket_.close(ignored);
        }
        done(ec, std::move(socket_));
    }

    asio::io_context& loop_;
    app_endpoint where_;
    std::function<void(error_code, app_socket)> done_;
    asio::ip::basic_resolver<tcp, asio::io_context::executor_type> resolver_;
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               asio::io_context::executor_type>
        timer_;
    app_socket socket_;
    std::vector<asio::generic::stream_protocol::endpoint> addresses_;
    std::size_t at_ = 0;
};

}  // namespace

result<app_endpoint> parse_app_url(std::string_view url) {
    app_endpoint e;
    if (url.starts_with("unix:")) {
        url.remove_prefix(5);
        if (url.starts_with("///")) {
            url.remove_prefix(2);
        }
        if (!url.starts_with('/') || url.size() >= sizeof(sockaddr_un::sun_path)) {
            return bad_url;
        }
        e.unix_path = url;
        e.authority = "localhost";
        return e;
    }
    if (!url.starts_with("http://") || !is_plain(url)) {
        return bad_url;
    }
    url.remove_prefix(7);
    std::string_view authority = url.substr(0, url.find('/'));
    e.base = url.substr(authority.size());
    while (e.base.ends_with('/')) {
        e.base.pop_back();
    }
    e.authority = authority;
    std::string_view host = authority;
    std::string_view rest;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) {
            return bad_url;
        }
        host = authority.substr(1, end - 1);
        rest = authority.substr(end + 1);
    } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        rest = authority.substr(colon);
    }
    e.port = rest.empty() ? "80" : std::string(rest.substr(1));
    if (host.empty() || (!rest.empty() && rest[0] != ':') || !is_port(e.port)) {
        return bad_url;
    }
    e.host = host;
    return e;
}

void dial(asio::io_context& loop, app_endpoint where, std::chrono::milliseconds timeout,
          std::function<void(error_code, app_socket)> done) {
    std::make_shared<dialling>(loop, std::move(where), std::move(done))->start(timeout);
}

}  // namespace wsidecar::net
