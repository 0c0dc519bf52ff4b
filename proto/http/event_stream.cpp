#include "proto/http/event_stream.hpp"

#include <algorithm>

#include "proto/text/ascii.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto::event_stream {
namespace {

std::string_view take(std::string_view& list, char separator) {
    const auto end = std::min(list.find(separator), list.size());
    const auto word = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return word;
}

/// `q=0`, `q=0.000`: not wanted (RFC 9110 section 12.4.2).
bool is_refused(std::string_view parameters) {
    while (!parameters.empty()) {
        const auto one = take(parameters, ';');
        if (one.size() > 2 && iequals(one.substr(0, 2), "q=")) {
            return one.substr(2).find_first_not_of("0.") == std::string_view::npos;
        }
    }
    return false;
}

}  // namespace

bool is_accepted(std::string_view accept) {
    while (!accept.empty()) {
        auto range = take(accept, ',');
        const auto type = take(range, ';');
        if (iequals(type, "text/event-stream") && !is_refused(range)) {
            return true;
        }
    }
    return false;
}

std::string_view last_id(std::string_view header, std::string_view query) {
    constexpr std::string_view name = "lastEventId=";
    while (header.empty() && !query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.starts_with(name)) {
            return pair.substr(name.size());
        }
    }
    return header;
}

std::string of_text(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    for (;;) {
        const auto end = std::min(text.find_first_of("\r\n"), text.size());
        out.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == text.size()) {
            return out += '\n';
        }
        text.remove_prefix(text.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
    }
}

std::string of_binary(std::string_view bytes) {
    return of_event("binary", base64_encode(bytes));
}

std::string of_event(std::string_view name, std::string_view data) {
    std::string out = "event: ";
    out.append(name).append("\ndata: ").append(data).append("\n\n");
    return out;
}

}  // namespace wsidecar::proto::event_stream
