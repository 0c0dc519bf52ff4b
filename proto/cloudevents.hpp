#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wsidecar::proto {

enum class event_type : std::uint8_t { connect, message, subscribe, unsubscribe, disconnect };

/// The short name, which `{event}` and `routes[].events` use.
const char* event_name(event_type t);

/// The context of one event (proto/README.md, Events): CloudEvents 1.0 in HTTP binary content mode.
struct event_head {
    event_type type = event_type::message;
    std::string connection_id;
    std::optional<std::uint64_t> sequence;  ///< nullopt in a disconnect event that a survivor sends
    bool end = false;                       ///< disconnect: ce-id is `<connection>:end`
    std::string instance;
    std::string subject;  ///< the path with which the client connected, without the query
    std::string time;     ///< RFC 3339
    std::string user;
    std::string state;
    unsigned attempt = 1;
    std::optional<std::uint16_t> close_code;  ///< for disconnect
    std::string close_reason;
    std::string reason;  ///< ws-reason: pod_lost, not_established
    std::optional<std::uint32_t> user_connections;
    std::string traceparent;
    std::vector<std::pair<std::string, std::string>> variables;  ///< decoded path variables
    std::string content_type;                                    ///< for message only
    std::string destination;                                     ///< the STOMP destination
    bool pattern = false;                                        ///< the destination has wildcards
    std::string stomp_headers;                                   ///< prebuilt stomp-* lines
};

/// The value of ce-id.
std::string event_id(const event_head& head);

/// The event's header lines, "Name: value\r\n" each. `forwarded` and `more` are complete lines of the handshake, which are
/// appended. A `cookie` that is not empty becomes a Cookie line. No value can add a line: values are percent-encoded, and the
/// state has no control characters.
std::string event_headers(const event_head& head, std::string_view forwarded, std::string_view more = {},
                          std::string_view cookie = {});

/// The Content-Type of a message event. It is `configured`; "auto" stands for application/json if the text is one JSON object
/// or array, for text/plain if it is another text, and for application/octet-stream if the message is binary.
std::string content_type_for(std::string_view configured, bool text, std::string_view payload);

}  // namespace wsidecar::proto
