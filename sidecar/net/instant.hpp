#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace wsidecar::net {

// Points in time as returned by timers::milliseconds(): modulo 2^32, so two of them are compared by the sign of their difference.

/// Converts a duration. Durations of more than 12 days count as unlimited.
inline std::uint32_t in_milliseconds(std::chrono::milliseconds d) {
    return static_cast<std::uint32_t>(std::min<std::chrono::milliseconds::rep>(d.count(), 1U << 30U));
}

inline bool is_due(std::uint32_t at, std::uint32_t now) {
    return static_cast<std::int32_t>(now - at) >= 0;
}

inline std::uint32_t until(std::uint32_t at, std::uint32_t now) {
    return is_due(at, now) ? 0 : at - now;
}

}  // namespace wsidecar::net
