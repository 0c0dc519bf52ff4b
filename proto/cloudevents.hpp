#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wsidecar::proto {

enum class event_type : std::uint8_t { connect, message, subscribe, unsubscribe, disconnect };

/// The short name, as in `{event}` and `routes[].events`.
const char* event_name(event_type t);

/// The context of one event (proto/README.md, Events), CloudEvents 1.0 in HTTP binary content mode.
struct event_head {
    event_type type = event_type::message;
    std::string connection_id;
    std::optional<std::uint64_t> sequence;  ///< absent in a survivor's disconnect
    bool end = false;                       ///< disconnect: ce-id is `<connection>:end`
    std::string instance;
    std::string subject;  ///< the path as opened, without the query
    std::string time;     ///< RFC 3339
    std::string user;
    std::string state;
    unsigned attempt = 1;
    std::optional<std::uint16_t> close_code;  ///< disconnect
    std::string close_reason;
    std::string reason;  ///< ws-reason: pod_lost, not_established
    std::optional<std::uint32_t> user_connections;
    std::string traceparent;
    std::vector<std::pair<std::string, std::string>> variables;  ///< decoded path variables
    std::string content_type;                                    ///< message only
    std::string destination;                                     ///< of STOMP
    bool pattern = false;                                        ///< it has wildcards: it stands for more than its name
    std::string stomp_headers;                                   ///< prebuilt stomp-* lines
};

/// The value of ce-id.
std::string event_id(const event_head& head);

/// The event's header lines, "Name: value\r\n" each. `forwarded` and `more` are prebuilt lines of the handshake, put
/// behind; `cookie`, when not empty, becomes a Cookie line. Values are percent-encoded, and the state is
/// without control characters, so none can add a line.
std::string event_headers(const event_head& head, std::string_view forwarded, std::string_view more = {},
                          std::string_view cookie = {});

/// The Content-Type of a message event: `configured`, or for "auto" application/json for a text that is one JSON
/// object or array, else text/plain; application/octet-stream for a binary one.
std::string content_type_for(std::string_view configured, bool text, std::string_view payload);

}  // namespace wsidecar::proto
