#include "proto/cloudevents.hpp"

#include "proto/http/content_type.hpp"
#include "proto/text/percent.hpp"

namespace wsidecar::proto {
namespace {

/// A line whose value is known to need no encoding.
void line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

void encoded(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    percent_encode_header(out, value);
    out += "\r\n";
}

/// As the app set it; but what no header's value may hold, which older versions took, is encoded.
void state_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    for (const char c : value) {
        const auto u = static_cast<unsigned char>(c);
        if ((u < 0x20 && c != '\t') || u == 0x7F) {
            percent_encode_header(out, {&c, 1});
        } else {
            out += c;
        }
    }
    out += "\r\n";
}

/// The subject keeps the encoding that the client's path already has; only what no header may hold is encoded.
void path_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    for (const char c : value) {
        if (c > ' ' && c < 0x7F) {
            out += c;
        } else {
            percent_encode_header(out, {&c, 1});
        }
    }
    out += "\r\n";
}

}  // namespace

const char* event_name(event_type t) {
    switch (t) {
        case event_type::connect: return "connect";
        case event_type::message: return "message";
        case event_type::subscribe: return "subscribe";
        case event_type::unsubscribe: return "unsubscribe";
        case event_type::disconnect: return "disconnect";
    }
    return "?";
}

std::string event_id(const event_head& h) {
    return h.connection_id + ':' + (h.end ? "end" : std::to_string(h.sequence.value_or(0)));
}

std::string event_headers(const event_head& h, std::string_view forwarded, std::string_view more, std::string_view cookie) {
    std::string out;
    out.reserve(640 + forwarded.size() + more.size() + cookie.size() + 3 * (h.user.size() + h.state.size()));
    line(out, "ce-specversion", "1.0");
    out += "ce-type: wsidecar.";
    out += event_name(h.type);
    out += "\r\n";
    const std::string id = event_id(h);
    line(out, "ce-id", id);
    line(out, "Idempotency-Key", id);
    out += "ce-source: /wsidecar/";
    percent_encode_header(out, h.instance);
    out += "\r\n";
    path_line(out, "ce-subject", h.subject);
    line(out, "ce-time", h.time);
    line(out, "ce-connectionid", h.connection_id);
    if (!h.user.empty()) {
        encoded(out, "ce-userid", h.user);
    }
    if (h.sequence) {
        line(out, "ce-sequence", std::to_string(*h.sequence));
    }
    if (!h.state.empty()) {
        state_line(out, "ws-state", h.state);
    }
    line(out, "ws-attempt", std::to_string(h.attempt));
    if (h.close_code) {
        line(out, "ws-close-code", std::to_string(*h.close_code));
        if (!h.close_reason.empty()) {
            encoded(out, "ws-close-reason", h.close_reason);
        }
    }
    if (!h.reason.empty()) {
        encoded(out, "ws-reason", h.reason);
    }
    if (h.user_connections) {
        line(out, "ws-user-connections", std::to_string(*h.user_connections));
    }
    for (const auto& [name, value] : h.variables) {
        line(out, "ws-path-" + name, value);  // UTF-8 bytes; control characters end at the handshake
    }
    if (!h.traceparent.empty()) {
        line(out, "traceparent", h.traceparent);
    }
    if (!h.content_type.empty()) {
        line(out, "Content-Type", h.content_type);
    }
    if (!h.destination.empty()) {
        encoded(out, "ws-destination", h.destination);
    }
    if (h.pattern) {
        line(out, "ws-pattern", "true");
    }
    out += h.stomp_headers;
    out += forwarded;
    out += more;
    if (!cookie.empty()) {
        line(out, "Cookie", cookie);
    }
    return out;
}

std::string content_type_for(std::string_view configured, bool text, std::string_view payload) {
    if (!configured.empty() && configured != "auto") {
        return std::string(configured);
    }
    if (!text) {
        return "application/octet-stream";
    }
    return is_json_container(payload) ? "application/json" : "text/plain; charset=utf-8";
}

}  // namespace wsidecar::proto
