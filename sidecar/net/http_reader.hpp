#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// Parses one HTTP/1.x message from bytes (RFC 9112) with Boost.Beast's parser, without a socket. Use a new object for each message. The public
/// members hold the result; `body` may be moved away between two calls of feed().
template <bool is_request>
class http_reader final : public boost::beast::http::basic_parser<is_request> {
    using base = boost::beast::http::basic_parser<is_request>;

public:
    struct limits {
        std::uint32_t head = 64 * 1024;
        std::uint64_t body = 0;  ///< 0: none
    };

    explicit http_reader(limits l) {
        base::eager(true);
        base::header_limit(l.head);
        if (l.body == 0) {
            base::body_limit(boost::none);
        } else {
            base::body_limit(l.body);
        }
    }

    unsigned version = 11;    ///< 10 or 11
    std::string method;       ///< requests
    std::string target;       ///< requests
    unsigned status = 0;      ///< answers
    std::string reason;       ///< answers
    core::field_list fields;  ///< header fields, without trailers
    std::string body;         ///< the decoded body so far

    /// Parses bytes and returns how many were used. Pass the rest again with more bytes after it. `ec` is set if the input is not HTTP or
    /// exceeds a limit, but not if more bytes are needed. A status line may end after its code without the space of RFC 9112 section 4, as
    /// all common clients accept.
    std::size_t feed(const char* data, std::size_t size, boost::system::error_code& ec);

    bool head_done() const { return base::is_header_done(); }
    bool done() const { return base::is_done(); }

private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;

    std::size_t put_all(const char* data, std::size_t size, boost::system::error_code& ec);

    void on_request_impl(boost::beast::http::verb, string_view m, string_view t, int, error_code&) override;
    void on_response_impl(int code, string_view r, int, error_code&) override;
    void on_field_impl(boost::beast::http::field, string_view name, string_view value, error_code&) override;
    void on_header_impl(error_code&) override { in_head_ = false; }
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override;
    std::size_t on_body_impl(string_view part, error_code&) override;
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view part, error_code&) override;
    void on_finish_impl(error_code&) override {}

    bool in_head_ = true;
};

extern template class http_reader<false>;
extern template class http_reader<true>;

using answer_reader = http_reader<false>;
using request_reader = http_reader<true>;

}  // namespace wsidecar::net
