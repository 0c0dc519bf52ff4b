#include "sidecar/cli/admin_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "sidecar/app/admin_server.hpp"

namespace wsidecar::cli {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

struct exchange {
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response_parser<http::string_body> parser;
    admin_reply reply;
    std::string where;

    bool failed(beast::error_code ec) {
        if (ec) {
            reply.body = "no answer from " + where + ": " + ec.message() +
                         (ec == beast::error_code(asio::error::connection_refused)
                              ? " (is wsidecar running? --admin names its admin address)"
                              : "");
        }
        return static_cast<bool>(ec);
    }
};

}  // namespace

admin_reply call_admin(const std::string& address, std::string_view method, const std::string& target, const std::string& body,
                       const std::string& token, bool patient) {
    asio::io_context loop;
    asio::ip::tcp::endpoint to;
    try {
        to = app::parse_endpoint(address);
    } catch (const boost::system::system_error& e) {
        return {0, e.what()};
    }
    if (to.address().is_unspecified()) {
        to.address(asio::ip::address_v4::loopback());
    }
    exchange x{beast::tcp_stream(loop), {}, {}, {}, {}, {}};
    x.where = to.address().to_string() + ":" + std::to_string(to.port());
    x.request.method_string(method);
    x.request.target(target);
    x.request.version(11);
    x.request.set(http::field::host, x.where);
    x.request.set(http::field::connection, "close");
    if (!token.empty()) {
        x.request.set(http::field::authorization, "Bearer " + token);
    }
    x.request.body() = body;
    x.request.prepare_payload();
    x.parser.body_limit(64 * 1024 * 1024);

    if (!patient) {
        x.stream.expires_after(std::chrono::seconds(10));
    }
    x.stream.async_connect(to, [&](beast::error_code ec) {
        if (x.failed(ec)) {
            return;
        }
        http::async_write(x.stream, x.request, [&](beast::error_code ec2, std::size_t) {
            if (x.failed(ec2)) {
                return;
            }
            http::async_read(x.stream, x.buffer, x.parser, [&](beast::error_code ec3, std::size_t) {
                if (!x.failed(ec3)) {
                    x.reply = {x.parser.get().result_int(), std::move(x.parser.get().body())};
                }
            });
        });
    });
    loop.run();
    return x.reply;
}

}  // namespace wsidecar::cli
