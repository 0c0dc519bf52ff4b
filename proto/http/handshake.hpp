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

/// upgrade: Connection has the token upgrade and Upgrade the token websocket. `Connection: Upgrade` alone, as some nginx
/// blocks send it with every request, is plain.
request_kind classify(const request_head& head);

/// What every request must satisfy, passed through or not (RFC 9112 sections 3.2 and 6: nothing that could smuggle a second
/// request): one Host (none is fine with HTTP/1.0), at most one Content-Length of digits, no Content-Length beside
/// Transfer-Encoding, the latter exactly `chunked` and not with HTTP/1.0, an origin-form target. Always 400.
/// Reasons: bad_host, bad_content_length, length_and_chunked, bad_transfer_encoding, bad_target_form.
checked<void> check_request(const request_head& head);

/// A checked upgrade; views as in request_head.
struct upgrade_request {
    std::string_view key;  ///< Sec-WebSocket-Key
    std::string_view host;
    std::vector<std::string_view> subprotocols;  ///< as offered, in order of preference
    std::string extensions;                      ///< all Sec-WebSocket-Extensions, joined; for negotiate_deflate
};

/// check_request and RFC 6455 section 4.2.1. 400, or 426 for any other version than 13.
/// Further reasons: bad_method, bad_version, bad_key, body, bad_subprotocol.
checked<upgrade_request> check_upgrade(const request_head& head);

/// Header lines that the answer with this status must carry (426: Upgrade and Sec-WebSocket-Version); complete lines.
std::string_view refusal_lines(unsigned status);

/// Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
std::string accept_key(std::string_view key);

/// The client's first choice among those supported; empty: none. Compared exactly, as RFC 6455 asks.
std::string_view negotiate_subprotocol(std::span<const std::string_view> offered, std::span<const std::string> supported);

/// The whole 101. `subprotocol` and `extensions` empty: not there. `extra_lines`: complete "Name: value\r\n" lines, checked by the caller.
std::string switching_protocols(std::string_view key, std::string_view subprotocol, std::string_view extensions,
                                std::string_view extra_lines);

}  // namespace wsidecar::proto
