#include "sidecar/net/sockjs_response.hpp"

#include <charconv>

namespace wsidecar::net {
namespace {

/// Padding, because some browsers show a page nothing before they have read this much.
const std::string& xhr_prelude() {
    static const std::string text = std::string(2048, 'h') + '\n';
    return text;
}

/// A frame as sockjs-client takes it out of an event: by decodeURI().
std::string as_event(std::string_view frame) {
    std::string out;
    for (auto at = frame.find('%'); at != std::string_view::npos; at = frame.find('%')) {
        out.append(frame.substr(0, at)).append("%25");
        frame.remove_prefix(at + 1);
    }
    return out.append(frame);
}

}  // namespace

std::string sockjs_response::head(std::string_view framing, bool keep_alive) const {
    std::string out = "HTTP/1.1 200 OK\r\n";
    out += form_ == form::events ? "Content-Type: text/event-stream;charset=UTF-8\r\n"
                                 : "Content-Type: application/javascript;charset=UTF-8\r\n";
    out += lines_;
    if (!polling()) {
        out += "X-Accel-Buffering: no\r\n";  // nginx would collect it
    }
    out += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    return out.append(framing).append("\r\n");
}

void sockjs_response::put_part(std::string& out, std::string_view before, std::string_view frame,
                               std::string_view behind) const {
    const bool chunked = !polling() && http_11_;
    if (chunked) {
        char digits[16];
        const std::size_t size = before.size() + frame.size() + behind.size();
        out.append(digits, std::to_chars(digits, digits + sizeof digits, size, 16).ptr).append("\r\n");
    }
    out.append(before).append(frame).append(behind);
    if (chunked) {
        out += "\r\n";
    }
}

void sockjs_response::put(std::string& out, std::string_view frame, bool& keep_alive) {
    const bool events = form_ == form::events;
    if (!began_ && !polling()) {
        keep_alive = keep_alive && http_11_;
        out = head(http_11_ ? "Transfer-Encoding: chunked\r\n" : "", keep_alive);
        put_part(out, events ? std::string_view("\r\n") : xhr_prelude(), {}, {});
    }
    began_ = true;
    events ? put_part(out, "data: ", as_event(frame), "\r\n\r\n") : put_part(out, {}, frame, "\n");
    put_ += frame.size();
}

void sockjs_response::end_part(std::string& out, bool last, bool keep_alive) const {
    if (polling()) {
        out.insert(0, head("Content-Length: " + std::to_string(out.size()) + "\r\n", keep_alive));
    } else if (last && http_11_) {
        out += "0\r\n\r\n";
    }
}

}  // namespace wsidecar::net
