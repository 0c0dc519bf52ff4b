#include "proto/stomp/stomp_write.hpp"

#include <algorithm>
#include <array>

namespace wsidecar::proto::stomp {

namespace {

using namespace std::string_view_literals;

/// How a frame's headers are written: CONNECTED as in 1.0, whatever the version.
struct escaping {
    bool colon_and_line;  ///< \c \n and the backslash itself
    bool carriage_return;
};
constexpr escaping escaping_of(version v) {
    return {v != version::v1_0, v == version::v1_2};
}
constexpr escaping none = escaping_of(version::v1_0);

/// What would otherwise end a line or a frame, or stands for something else.
bool is_special(char c) {
    return c == '\\' || c == ':' || c == '\n' || c == '\r' || c == '\0';
}

void append(std::string& out, escaping e, std::string_view text) {
    for (;;) {
        const auto* const end = std::find_if(text.begin(), text.end(), is_special);
        out.append(text.begin(), end);
        if (end == text.end()) {
            return;
        }
        const char c = *end;
        text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + 1);
        if (c == '\\' || c == ':') {
            out += !e.colon_and_line ? std::string_view(&c, 1) : c == ':' ? "\\c" : "\\\\";
        } else if (c == '\n' && e.colon_and_line) {
            out += "\\n";
        } else if (c == '\r' && e.carriage_return) {
            out += "\\r";
        } else {
            out += ' ';
        }
    }
}

bool can_be_name(escaping e, std::string_view name) {
    return !name.empty() && std::none_of(name.begin(), name.end(), [&](char c) {
        return c == '\0' || (c == '\r' && !e.carriage_return) || ((c == '\n' || c == ':') && !e.colon_and_line);
    });
}

/// A header of ours: its name needs no escape.
void append_own(std::string& out, escaping e, std::string_view name, std::string_view value) {
    out += name;
    out += ':';
    append(out, e, value);
    out += '\n';
}

void append_if_any(std::string& out, escaping e, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        append_own(out, e, name, value);
    }
}

void append_body(std::string& out, std::string_view body) {
    out += "content-length:";
    out += std::to_string(body.size());
    out += "\n\n";
    out += body;
    out += '\0';
}

/// Those of `headers` that the frame does not write itself.
template <std::size_t N>
void append_others(std::string& out, escaping e, header_list headers, const std::array<std::string_view, N>& own) {
    for (const auto& [name, value] : headers) {
        if (can_be_name(e, name) && std::find(own.begin(), own.end(), name) == own.end()) {
            append(out, e, name);
            append_own(out, e, {}, value);
        }
    }
}

std::size_t bytes_of(header_list headers) {
    std::size_t sum = 0;
    for (const auto& [name, value] : headers) {
        sum += name.size() + value.size() + 2;
    }
    return sum;
}

constexpr std::size_t fixed_bytes = 96;  // names of headers and their like: so that a frame is allocated once

}  // namespace

void append_escaped(std::string& out, version v, std::string_view text) {
    append(out, escaping_of(v), text);
}

std::string connected(version v, const greeting& g) {
    std::string out = "CONNECTED\n";
    append_own(out, none, "version", version_name(v));
    if (v != version::v1_0) {
        append_own(out, none, "heart-beat", write_heart_beat(g.beats));
    }
    append_if_any(out, none, "session", g.session);
    append_if_any(out, none, "server", g.server);
    append_if_any(out, none, "user-name", g.user_name);
    out += "\n\0"sv;
    return out;
}

std::string message_head(version v, std::string_view subscription, std::string_view message_id, std::string_view ack) {
    const auto e = escaping_of(v);
    std::string out;
    out.reserve(fixed_bytes + subscription.size() + message_id.size() + ack.size());
    out += "MESSAGE\n";
    append_if_any(out, e, "subscription", subscription);
    append_own(out, e, "message-id", message_id);
    if (v == version::v1_2) {
        append_if_any(out, e, "ack", ack);
    }
    return out;
}

std::string message_tail(version v, std::string_view destination, std::string_view content_type, header_list headers,
                         std::string_view body) {
    constexpr std::array own = {"subscription"sv, "message-id"sv,   "ack"sv,
                                "destination"sv,  "content-type"sv, "content-length"sv};
    const auto e = escaping_of(v);
    std::string out;
    out.reserve(fixed_bytes + destination.size() + content_type.size() + bytes_of(headers) + body.size());
    append_own(out, e, "destination", destination);
    append_if_any(out, e, "content-type", content_type);
    append_others(out, e, headers, own);
    append_body(out, body);
    return out;
}

std::string receipt(version v, std::string_view receipt_id) {
    std::string out = "RECEIPT\n";
    append_own(out, escaping_of(v), "receipt-id", receipt_id);
    out += "\n\0"sv;
    return out;
}

std::string error(version v, std::string_view message, std::string_view receipt_id, std::string_view body,
                  header_list headers) {
    constexpr std::array own = {"message"sv, "receipt-id"sv, "content-type"sv, "content-length"sv};
    const auto type = std::find_if(headers.begin(), headers.end(), [](const auto& h) { return h.first == "content-type"; });
    const auto e = escaping_of(v);
    std::string out = "ERROR\n";
    append_own(out, e, "message", message);
    append_if_any(out, e, "receipt-id", receipt_id);
    append_others(out, e, headers, own);
    if (!body.empty()) {
        append_own(out, e, "content-type", type != headers.end() ? std::string_view(type->second) : "text/plain"sv);
    }
    append_body(out, body);
    return out;
}

}  // namespace wsidecar::proto::stomp
