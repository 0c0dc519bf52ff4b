#include "sidecar/net/http_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <string_view>
#include <tuple>

namespace wsidecar::net {
namespace {

constexpr std::size_t usual_fields = 8;

}  // namespace

template <bool is_request>
std::size_t http_reader<is_request>::feed(const char* data, std::size_t size, boost::system::error_code& ec) {
    constexpr std::size_t code_ends = std::string_view("HTTP/1.1 200").size();
    if (is_request || status != 0 || size <= code_ends || data[code_ends] != '\r') {
        return put_all(data, size, ec);
    }
    std::string with_space(data, size);
    with_space.insert(code_ends, 1, ' ');
    const std::size_t used = put_all(with_space.data(), with_space.size(), ec);
    return used > code_ends ? used - 1 : used;
}

template <bool is_request>
std::size_t http_reader<is_request>::put_all(const char* data, std::size_t size, boost::system::error_code& ec) {
    ec = {};
    std::size_t used = 0;
    while (used < size && !base::is_done()) {
        const auto n = base::put(boost::asio::const_buffer(data + used, size - used), ec);
        used += n;
        if (ec == boost::beast::http::error::need_more) {
            ec = {};
            break;
        }
        if (ec) {
            break;
        }
    }
    return used;
}

template <bool is_request>
void http_reader<is_request>::on_request_impl(boost::beast::http::verb, string_view m, string_view t, int v, error_code&) {
    version = static_cast<unsigned>(v);
    method.assign(m.data(), m.size());
    target.assign(t.data(), t.size());
}

template <bool is_request>
void http_reader<is_request>::on_response_impl(int code, string_view r, int v, error_code& ec) {
    if (code < 100) {
        ec = boost::beast::http::error::bad_status;  // three digits, but no class of RFC 9110 15
        return;
    }
    version = static_cast<unsigned>(v);
    status = static_cast<unsigned>(code);
    reason.assign(r.data(), r.size());
}

template <bool is_request>
void http_reader<is_request>::on_field_impl(boost::beast::http::field f, string_view name, string_view value, error_code& ec) {
    if (!in_head_) {
        return;
    }
    // Beast takes other codings for no body at all: the body would be read as the next message (RFC 9112 6.1, 11.2).
    if (f == boost::beast::http::field::transfer_encoding && (version < 11 || !boost::beast::iequals(value, "chunked"))) {
        ec = boost::beast::http::error::bad_transfer_encoding;
        return;
    }
    if (fields.empty()) {
        fields.reserve(usual_fields);
    }
    fields.emplace_back(std::piecewise_construct, std::forward_as_tuple(name.data(), name.size()),
                        std::forward_as_tuple(value.data(), value.size()));
}

template <bool is_request>
void http_reader<is_request>::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) {
    constexpr std::uint64_t trusted = 64 * 1024;  // a length is a claim, not yet bytes
    if (length) {
        body.reserve(static_cast<std::size_t>(std::min(*length, trusted)));
    }
}

template <bool is_request>
std::size_t http_reader<is_request>::on_body_impl(string_view part, error_code&) {
    body.append(part.data(), part.size());
    return part.size();
}

template <bool is_request>
std::size_t http_reader<is_request>::on_chunk_body_impl(std::uint64_t, string_view part, error_code&) {
    body.append(part.data(), part.size());
    return part.size();
}

template class http_reader<false>;
template class http_reader<true>;

}  // namespace wsidecar::net
