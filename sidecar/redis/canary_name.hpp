#pragma once

#include <string_view>

namespace wsidecar::redis {

/// The connection that a canary of the outbox is addressed to: this and the instance that sent it, or `*` for all. No connection has such an id,
/// because ids hold no colon.
inline constexpr std::string_view canary_connection = "canary:";
inline constexpr std::string_view shared_canary_connection = "canary:*";

/// Whether a target (with its kind, "c", in front) is a canary's.
inline bool is_canary_target(std::string_view target) {
    return target.starts_with('c') && target.substr(1).starts_with(canary_connection);
}

/// Whether it is the one to all instances.
inline bool is_shared_canary_target(std::string_view target) {
    return target.starts_with('c') && target.substr(1) == shared_canary_connection;
}

}  // namespace wsidecar::redis
