#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proto/text/result.hpp"

namespace wsidecar::net {

/// A connection to the app: TCP or a unix socket, non-blocking, TCP_NODELAY.
using app_socket =
    boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, boost::asio::io_context::executor_type>;

/// The app's address (app.url). Host names are resolved at each dial, because the app may have moved.
struct app_endpoint {
    std::string host;  ///< without brackets; empty for a unix socket
    std::string port;
    std::string unix_path;
    std::string base;       ///< path in front of every target, without the trailing '/'; usually empty
    std::string authority;  ///< Host header when none is given: host[:port], `localhost` for a unix socket
};

/// Parses `http://host[:port][/base]` or `unix:/path`.
result<app_endpoint> parse_app_url(std::string_view url);

/// Resolves the host and connects, trying its addresses in turn, all within `timeout`. `done` runs exactly once, after dial() has returned,
/// unless the event loop ends first.
void dial(boost::asio::io_context& loop, app_endpoint where, std::chrono::milliseconds timeout,
          std::function<void(boost::system::error_code, app_socket)> done);

/// dial() as an Asio operation with the signature void(error_code, app_socket).
template <class Token>
auto async_dial(boost::asio::io_context& loop, app_endpoint where, std::chrono::milliseconds timeout, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, app_socket)>(
        [&loop, timeout](auto handler, app_endpoint to) {
            // std::function wants copies, Asio's handlers only move.
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            dial(loop, std::move(to), timeout,
                 [shared](boost::system::error_code ec, app_socket s) { std::move (*shared)(ec, std::move(s)); });
        },
        token, std::move(where));
}

}  // namespace wsidecar::net
