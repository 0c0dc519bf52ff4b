#include "sidecar/net/http_answer.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

namespace wsidecar::net {
namespace {

bool has(const core::field_list& headers, std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return boost::beast::iequals(h.first, name); });
}

}  // namespace

std::string header_line(std::string_view name, std::string_view value) {
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
        return {};
    }
    return std::string(name).append(": ").append(value).append("\r\n");
}

std::string http_answer(unsigned status, const core::field_list& headers, std::string_view lines, std::string_view body,
                        bool head_only) {
    const auto phrase = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    std::string out = "HTTP/1.1 " + std::to_string(status) + ' ';
    out.append(phrase.data(), phrase.size()).append("\r\n");
    out += lines;
    for (const auto& [name, value] : headers) {
        if (!boost::beast::iequals(name, "Content-Length")) {
            out += header_line(name, value);
        }
    }
    if (!body.empty() && !has(headers, "Content-Type") && lines.find("Content-Type:") == std::string_view::npos) {
        out += header_line("Content-Type", "text/plain; charset=utf-8");
    }
    if (!has(headers, "Connection") && lines.find("Connection:") == std::string_view::npos) {
        out += header_line("Connection", "close");
    }
    if (status != 204 && status != 304) {
        out += header_line("Content-Length", std::to_string(body.size()));
    }
    out += "\r\n";
    if (!head_only && status != 204 && status != 304) {
        out += body;
    }
    return out;
}

}  // namespace wsidecar::net
