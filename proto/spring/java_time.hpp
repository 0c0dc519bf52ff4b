#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::proto {

struct java_time_text {
    std::string text;
    bool is_number = false;  ///< a java.time.Year
};

/// What a java.time value is as text of ISO 8601 (DateTimeFormatter.ISO_...; a ZonedDateTime has its offset, not its zone), from
/// the block that java.time.Ser wrote. nullopt: no such type, parts out of range, or a block of another length.
std::optional<java_time_text> read_java_time(std::string_view block);

/// Milliseconds since 1970 as `2018-10-22T01:30:00.123+00:00`. Any value: years beyond 9999 have a sign.
std::string java_date_text(std::int64_t epoch_ms);

}  // namespace wsidecar::proto
