#include "sidecar/redis/stream.hpp"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace wsidecar::redis {
namespace asio = boost::asio;

stream::stream(socket_type s) : socket_(std::move(s)) {}

asio::awaitable<std::string> stream::secure(asio::ssl::context& c, std::string name, bool verify) {
    tls_ = std::make_unique<asio::ssl::stream<socket_type&>>(socket_, c);
    if (name.starts_with('[') && name.ends_with(']')) {  // an IPv6 address as it stands in a URL
        name = name.substr(1, name.size() - 2);
    }
    if (name.ends_with('.')) {  // of a full name: neither SNI (RFC 6066 section 3) nor certificates have it
        name.pop_back();
    }
    boost::system::error_code no_address;
    asio::ip::make_address(name, no_address);
    if (no_address && !name.empty()) {
        SSL_set_tlsext_host_name(tls_->native_handle(), name.c_str());
    }
    if (verify) {
        tls_->set_verify_callback(asio::ssl::host_name_verification(name));
    }
    const auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
    if (!ec) {
        co_return "";
    }
    if (ec == asio::error::operation_aborted || ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) {
        co_return "no answer: does this port speak TLS?";
    }
    const long rejected = SSL_get_verify_result(tls_->native_handle());
    if (rejected == X509_V_ERR_UNSPECIFIED) {  // the name is compared by a callback, which cannot say more
        co_return "certificate verify failed: it is not for '" + name + "'";
    }
    if (rejected != X509_V_OK) {
        co_return "certificate verify failed: " + std::string(X509_verify_cert_error_string(rejected));
    }
    co_return ec.message();
}

void stream::read_some(char* to, std::size_t size, done f) {
    if (tls_) {
        tls_->async_read_some(asio::buffer(to, size), std::move(f));
    } else {
        socket_.async_read_some(asio::buffer(to, size), std::move(f));
    }
}

void stream::write(std::string_view bytes, done f) {
    if (tls_) {
        asio::async_write(*tls_, asio::buffer(bytes.data(), bytes.size()), std::move(f));
    } else {
        asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), std::move(f));
    }
}

void stream::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

void tune(stream::socket_type& s) {
    const int fd = s.native_handle();
    const auto set = [fd](int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 2);
    set(IPPROTO_TCP, TCP_KEEPCNT, 2);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
}

}  // namespace wsidecar::redis
