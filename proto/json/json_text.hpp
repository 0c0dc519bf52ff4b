#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Appends `bytes` as what may stand between the quotes of a JSON string (RFC 8259 section 7) and on a terminal, whatever they are:
/// well-formed UTF-8 always. Bytes that are none become U+FFFD, one each. Escaped as \uXXXX: all control characters (C0, DEL, C1),
/// line and paragraph separators, and what turns the direction of writing (UAX #9), so that no value breaks a line, commands a
/// terminal or shows itself as another. `quoted` false: for text that stands without quotes, where '"' and '\' stay as they are.
void append_json_text(std::string& out, std::string_view bytes, bool quoted = true);

/// Appends a UTF-16 code unit as \uXXXX.
void append_json_escape(std::string& out, std::uint32_t unit);

}  // namespace wsidecar::proto
