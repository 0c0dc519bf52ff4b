#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Writes RFC 3339 in UTC with milliseconds: 2026-11-21T03:04:05.678Z.
std::string format_rfc3339(std::chrono::system_clock::time_point t);

/// Parses any RFC 3339 date-time (section 5.6), with an offset or Z. Fractions beyond microseconds are cut off, and years outside
/// 1677 to 2262 give the clock's first or last moment.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

}  // namespace wsidecar::proto
