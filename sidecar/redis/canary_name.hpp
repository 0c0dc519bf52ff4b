#pragma once

#include <string_view>

namespace wsidecar::redis {

/// An outbox canary is addressed to a connection id made of this prefix and either the sending instance or `*` for all instances. No
/// real connection has such an id, because connection ids contain no colon.
inline constexpr std::string_view canary_connection = "canary:";
inline constexpr std::string_view shared_canary_connection = "canary:*";

/// Whether a target, with its kind letter "c" in front, is a canary's.
inline bool is_canary_target(std::string_view target) {
    return target.starts_with('c') && target.substr(1).starts_with(canary_connection);
}

/// Whether a target is that of the canary to all instances.
inline bool is_shared_canary_target(std::string_view target) {
    return target.starts_with('c') && target.substr(1) == shared_canary_connection;
}

}  // namespace wsidecar::redis
