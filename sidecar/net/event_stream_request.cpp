#include "sidecar/net/event_stream_request.hpp"

#include "proto/http/event_stream.hpp"
#include "sidecar/net/http_answer.hpp"

namespace wsidecar::net {

bool wants_event_stream(const proto::request_head& head, const config::route* route) {
    if (route == nullptr || !route->sse) {
        return false;
    }
    if (head.method == "OPTIONS") {
        return head.find("Origin").has_value() && head.find("Access-Control-Request-Method") == "GET";
    }
    return (head.method == "GET" || head.method == "HEAD") && proto::event_stream::is_accepted(head.joined("Accept"));
}

std::string event_stream_head(const event_stream_terms& terms, const core::field_list& headers) {
    std::string out = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";
    out += "Cache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\nConnection: close\r\n" + terms.cors;
    for (const auto& [name, value] : headers) {
        out += header_line(name, value);
    }
    return out.append(terms.chunked ? "Transfer-Encoding: chunked\r\n" : "").append("\r\n");
}

}  // namespace wsidecar::net
