#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// STOMP 1.0, 1.1 and 1.2, the server's side, without I/O (stomp.github.io, the specification of each).
namespace wsidecar::proto::stomp {

enum class version : std::uint8_t { v1_0, v1_1, v1_2 };

/// What an ERROR's `version` header lists when nothing in common was found ("Protocol Negotiation").
inline constexpr std::string_view supported_versions = "1.0,1.1,1.2";

/// "1.0", "1.1", "1.2": as in CONNECTED's `version`.
std::string_view version_name(version v);

/// The highest version of CONNECT's `accept-version` that is spoken here; absent: 1.0. Nothing: none in common.
/// Spring takes a CONNECT without it for an error; the specifications take it for 1.0.
std::optional<version> negotiate_version(std::optional<std::string_view> accept_version);

/// The version that a WebSocket subprotocol stands for (v10.stomp, v11.stomp, v12.stomp; without regard to case, as in Spring).
/// What CONNECT negotiates goes before it: Spring and stompjs look at the frame only.
std::optional<version> subprotocol_version(std::string_view name);
std::string_view subprotocol_name(version v);

}  // namespace wsidecar::proto::stomp
