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

/// A byte stream to Redis over TCP or a Unix socket, with or without TLS. Event loop only.
class stream {
public:
    using socket_type = boost::asio::generic::stream_protocol::socket;
    using done = std::function<void(boost::system::error_code, std::size_t)>;

    explicit stream(socket_type s);

    /// Does the TLS handshake. `name` is sent as SNI, without a dot at its end, unless it is an IP address, with or without brackets
    /// (RFC 6066 section 3). With `verify`, the certificate must be for `name`. Returns the problem, or an empty string.
    boost::asio::awaitable<std::string> secure(boost::asio::ssl::context& c, std::string name, bool verify);
    /// The buffers of read_some() and write() must live until `f` has run.
    void read_some(char* to, std::size_t size, done f);
    void write(std::string_view bytes, done f);
    void close();

private:
    socket_type socket_;
    std::unique_ptr<boost::asio::ssl::stream<socket_type&>> tls_;
};

/// Enables TCP keep-alive, so that a dead peer is detected within seconds even if nothing is sent.
void tune(stream::socket_type& s);

}  // namespace wsidecar::redis
