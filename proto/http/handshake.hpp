#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http/http_head.hpp"
#include "proto/http/refusal.hpp"

namespace wsidecar::proto {

enum class request_kind : std::uint8_t { plain, upgrade };

/// A request is an upgrade if Connection has the token upgrade and Upgrade the token websocket. With `Connection: Upgrade` alone, which
/// some nginx blocks send with every request, it is plain.
request_kind classify(const request_head& head);

/// Checks what every request must satisfy, whether it is passed through or not (RFC 9112 sections 3.2 and 6), so that it cannot smuggle
/// in a second request: one Host (HTTP/1.0 may have none), at most one Content-Length, which has digits only, no Content-Length beside
/// Transfer-Encoding, a Transfer-Encoding of exactly `chunked` and not with HTTP/1.0, an origin-form target. The status is always 400.
/// Reasons: bad_host, bad_content_length, length_and_chunked, bad_transfer_encoding, bad_target_form.
checked<void> check_request(const request_head& head);

/// An upgrade that has been checked. Its members are views, as in request_head.
struct upgrade_request {
    std::string_view key;  ///< Sec-WebSocket-Key
    std::string_view host;
    std::vector<std::string_view> subprotocols;  ///< in the client's order of preference
    std::string extensions;                      ///< all Sec-WebSocket-Extensions, joined, for negotiate_deflate()
};

/// Checks what check_request() does, and RFC 6455 section 4.2.1. The status is 400, or 426 for any version other than 13.
/// Further reasons: bad_method, bad_version, bad_key, body, bad_subprotocol.
checked<upgrade_request> check_upgrade(const request_head& head);

/// The complete header lines that an answer with this status must have; 426 needs Upgrade and Sec-WebSocket-Version.
std::string_view refusal_lines(unsigned status);

/// The Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
std::string accept_key(std::string_view key);

/// The client's first choice among the supported ones; empty if none is supported. Compares exactly, as RFC 6455 requires.
std::string_view negotiate_subprotocol(std::span<const std::string_view> offered, std::span<const std::string> supported);

/// The whole 101 response. An empty `subprotocol` or `extensions` is left out. The caller has checked `extra_lines`, complete header lines.
std::string switching_protocols(std::string_view key, std::string_view subprotocol, std::string_view extensions,
                                std::string_view extra_lines);

}  // namespace wsidecar::proto
