#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http/http_head.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// What the connect event carries of the handshake, before forward_headers (proto/README.md, Events). traceparent is not among
/// them: each event has one of its own, which continues the handshake's.
std::span<const std::string_view> connect_header_names();

enum class cookies : std::uint8_t { with, without };

/// An allow-list of header names, with patterns like `X-*`.
///
/// Never forwarded, whatever the list says: names with a character outside A-Z a-z 0-9 - (backends read X_User as X-User),
/// what wsidecar sets itself (ce-*, ws-*, stomp-*, webhook-*, Idempotency-Key, traceparent), hop-by-hop headers and those
/// that Connection names (RFC 9110 section 7.6.1), Sec-WebSocket-*, Host, Content-*, If-*, Accept-Encoding, Range and Expect,
/// which would speak of another message; but Sec-WebSocket-Protocol passes where the list has its whole name. X-Forwarded-*, Forwarded and X-Real-IP are taken from `forwarded` only.
class header_filter {
public:
    /// Names, or prefixes with a final '*'. Reason: bad_header_pattern.
    static result<header_filter> compile(std::span<const std::string> names);
    /// The list of the connect event: connect_header_names() and `more`.
    static result<header_filter> for_connect(std::span<const std::string> more);
    /// The list of later events: `replayed` and `more`.
    static result<header_filter> for_replay(std::span<const std::string> replayed, std::span<const std::string> more);

    bool allows(std::string_view name) const;

    /// Prebuilt "Name: value\r\n" lines in the order they came, then those of `forwarded` (complete lines, as
    /// forwarded_lines() makes them) that the list allows. Repeated headers stay repeated; Cookie lines become one.
    std::string lines(const request_head& head, std::string_view forwarded, cookies c = cookies::with) const;

private:
    result<void> add(std::string_view pattern);

    std::vector<std::string> names_;     ///< lower case; without those that are never forwarded
    std::vector<std::string> prefixes_;  ///< lower case
};

/// Of A-Z a-z 0-9 - only. Backends read X_User as X-User: any other character could become one of ours.
bool is_plain_name(std::string_view name);

/// All Cookie lines joined by "; " (RFC 9113 section 8.2.3); empty: none.
std::string cookie_of(const request_head& head);

/// For `http: pass`: every header but Host, the framing (Content-Length, Transfer-Encoding), hop-by-hop headers, those that
/// wsidecar sets itself on events, unplain names and the X-Forwarded family; then `forwarded`.
std::string pass_lines(const request_head& head, std::string_view forwarded);

}  // namespace wsidecar::proto
