#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http/http_head.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// The headers of the handshake that the connect event has even without forward_headers (proto/README.md, Events). traceparent is not
/// among them, because each event has a traceparent of its own that continues the handshake's trace.
std::span<const std::string_view> connect_header_names();

enum class cookies : std::uint8_t { with, without };

/// An allow-list of header names, with patterns like `X-*`.
///
/// Some headers are never forwarded, whatever the list says: names with a character outside A-Z a-z 0-9 - (backends read X_User as
/// X-User), headers that wsidecar itself sets (ce-*, ws-*, stomp-*, webhook-*, Idempotency-Key, traceparent), hop-by-hop headers and those
/// that Connection names (RFC 9110 section 7.6.1), and Sec-WebSocket-*, Host, Content-*, If-*, Accept-Encoding, Range and Expect, which
/// describe another message. Sec-WebSocket-Protocol passes if the list has its full name. X-Forwarded-*, Forwarded and X-Real-IP come only from `forwarded`.
class header_filter {
public:
    /// `names` are names, or prefixes that end with '*'. Reason: bad_header_pattern.
    static result<header_filter> compile(std::span<const std::string> names);
    /// The list of the connect event: connect_header_names() and `more`.
    static result<header_filter> for_connect(std::span<const std::string> more);
    /// The list of later events: `replayed` and `more`.
    static result<header_filter> for_replay(std::span<const std::string> replayed, std::span<const std::string> more);

    bool allows(std::string_view name) const;

    /// Returns "Name: value\r\n" lines in the order in which they came, and behind them those lines of `forwarded` that the list allows
    /// (complete lines from forwarded_lines()). Repeated headers stay repeated; Cookie lines become one.
    std::string lines(const request_head& head, std::string_view forwarded, cookies c = cookies::with) const;

private:
    result<void> add(std::string_view pattern);

    std::vector<std::string> names_;     ///< in lower case, without those that are never forwarded
    std::vector<std::string> prefixes_;  ///< in lower case
};

/// Whether the name has only A-Z a-z 0-9 -. Backends read X_User as X-User, so any other character could make it one of ours.
bool is_plain_name(std::string_view name);

/// All Cookie lines, joined by "; " (RFC 9113 section 8.2.3); empty if there is none.
std::string cookie_of(const request_head& head);

/// The header lines of a passed request (`http: pass`): all headers except Host, the framing (Content-Length, Transfer-Encoding),
/// hop-by-hop headers, those that wsidecar sets on events, names that are not plain, and the X-Forwarded family; then `forwarded`.
std::string pass_lines(const request_head& head, std::string_view forwarded);

}  // namespace wsidecar::proto
