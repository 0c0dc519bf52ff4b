#include "sidecar/net/pass_head.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "proto/http/header_filter.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/percent.hpp"

namespace wsidecar::net {

namespace http = boost::beast::http;

namespace {

bool is_hop_by_hop(std::string_view name) {
    static constexpr std::array<std::string_view, 8> names{
        "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings"};
    return std::any_of(names.begin(), names.end(), [&](auto n) { return proto::iequals(name, n); });
}

/// Names that the Connection header declares hop-by-hop.
bool is_named_by_connection(const core::field_list& fields, std::string_view name) {
    for (const auto& [n, value] : fields) {
        if (proto::iequals(n, "Connection") &&
            http::token_list(value).exists(boost::beast::string_view(name.data(), name.size()))) {
            return true;
        }
    }
    return false;
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

/// "5" of "5, 5": that all are the same the parser has seen to.
std::string_view one_of_list(std::string_view value) {
    return proto::trim(value.substr(0, value.find(',')));
}

std::string decimal(std::uint64_t n) {
    return std::to_string(n);
}

std::string_view reason_of(unsigned status) {
    const auto text = http::obsolete_reason(http::int_to_status(status));
    return {text.data(), text.size()};
}

}  // namespace

std::string client_cert_line(const std::optional<std::string>& subject) {
    return subject ? "ws-client-cert: " + proto::percent_encode_header(*subject) + "\r\n" : std::string();
}

std::string framing_head(const proto::request_head& head) {
    std::string out;
    out.append(head.method).append(head.version >= 11 ? " / HTTP/1.1\r\n" : " / HTTP/1.0\r\n");
    for (const auto& h : head.headers) {
        for (const auto name : {"Content-Length", "Transfer-Encoding", "Connection"}) {
            if (proto::iequals(h.name, name)) {
                append_line(out, name, h.value);
            }
        }
    }
    return out.append("\r\n");
}

std::string request_for_app(const proto::request_head& head, const request_reader& body, const pass_hop& hop) {
    std::string out;
    out.reserve(1024);
    out.append(head.method).append(" ").append(hop.base).append(head.target).append(" HTTP/1.1\r\n");
    append_line(out, "Host", hop.host.empty() ? head.find("Host").value_or("") : hop.host);
    out.append(proto::pass_lines(head, hop.forwarded));
    if (hop.upgrade) {
        append_line(out, "Connection", "Upgrade");
        append_line(out, "Upgrade", "websocket");
    }
    if (body.chunked()) {
        append_line(out, "Transfer-Encoding", "chunked");
    } else if (const auto length = body.content_length()) {
        append_line(out, "Content-Length", decimal(*length));
    }
    return out.append("\r\n");
}

framing framing_for(const proto::request_head& request, const answer_reader& answer) {
    if (request.method == "HEAD" || answer.status < 200 || answer.status == 204 || answer.status == 304) {
        return framing::none;
    }
    if (answer.content_length()) {
        return framing::length;
    }
    return request.version >= 11 ? framing::chunked : framing::until_close;
}

std::string answer_for_client(const proto::request_head& request, const answer_reader& answer, framing f, bool keep_alive) {
    std::string out;
    out.reserve(512);
    out.append("HTTP/1.1 ").append(decimal(answer.status)).append(" ").append(answer.reason).append("\r\n");
    const bool switched = answer.status == 101;
    // With HEAD and 304 the length tells of a body that is not there. One line with one number, whatever the app sent, and
    // none where there is no body to tell of (RFC 9110 section 8.6).
    const bool has_length = answer.status >= 200 && answer.status != 204;
    bool length_sent = false;
    for (const auto& [name, value] : answer.fields) {
        const bool length = proto::iequals(name, "Content-Length");
        const bool hop = is_hop_by_hop(name) || is_named_by_connection(answer.fields, name);
        if (length && !length_sent && f != framing::chunked && f != framing::until_close && has_length) {
            length_sent = true;
            append_line(out, name, one_of_list(value));
        } else if ((!length && !hop) || (switched && proto::iequals(name, "Upgrade"))) {
            append_line(out, name, value);
        }
    }
    if (f == framing::chunked) {
        append_line(out, "Transfer-Encoding", "chunked");
    }
    if (switched) {
        append_line(out, "Connection", "Upgrade");
    } else if (!keep_alive) {
        append_line(out, "Connection", "close");
    } else if (request.version < 11) {
        append_line(out, "Connection", "keep-alive");
    }
    return out.append("\r\n");
}

void append_framed(std::string& out, std::string_view bytes, bool chunked) {
    if (bytes.empty()) {
        return;
    }
    if (!chunked) {
        out.append(bytes);
        return;
    }
    std::array<char, 16> digits;
    const auto [end, ec] = std::to_chars(digits.begin(), digits.end(), bytes.size(), 16);
    out.append(digits.data(), end).append("\r\n").append(bytes).append("\r\n");
}

std::string own_answer(unsigned status, std::string_view text, std::string_view extra_lines, bool keep_alive) {
    std::string out = "HTTP/1.1 " + decimal(status) + " ";
    out.append(reason_of(status)).append("\r\nContent-Type: text/plain; charset=utf-8\r\n").append(extra_lines);
    append_line(out, "Content-Length", decimal(text.size() + 1));
    if (!keep_alive) {
        append_line(out, "Connection", "close");
    }
    return out.append("\r\n").append(text).append("\n");
}

}  // namespace wsidecar::net
