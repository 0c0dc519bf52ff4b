#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wsidecar::redis {

/// A byte stream to Redis: TCP or unix socket, with or without TLS.
class stream {
public:
    using socket_type = boost::asio::generic::stream_protocol::socket;
    using done = std::function<void(boost::system::error_code, std::size_t)>;

    explicit stream(socket_type s);

    /// Wraps the socket in TLS and shakes hands. `name` is asked for (SNI) unless it is an address (RFC 6066 section 3); with
    /// `verify` the certificate must be for it. What went wrong, or nothing.
    boost::asio::awaitable<std::string> secure(boost::asio::ssl::context& c, std::string name, bool verify);
    /// The buffers must live until `f` ran.
    void read_some(char* to, std::size_t size, done f);
    void write(std::string_view bytes, done f);
    void close();

private:
    socket_type socket_;
    std::unique_ptr<boost::asio::ssl::stream<socket_type&>> tls_;
};

}  // namespace wsidecar::redis
