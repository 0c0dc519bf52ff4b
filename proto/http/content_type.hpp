#pragma once

#include <string>
#include <string_view>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// A Content-Type (RFC 9110 section 8.3): type/subtype and charset in lower case. Both are empty if there is none.
struct media_type {
    std::string type;
    std::string charset;
};
media_type parse_content_type(std::string_view value);

/// Whether a body of this type is sent as a text message: text/*, JSON, XML, +json, +xml.
bool is_text_type(std::string_view type);

/// Converts `bytes` from `charset` to UTF-8. Any charset that iconv knows is supported; an empty one means UTF-8. The result is at most
/// four times as long. Problem `bad_answer`: the charset is unknown, or the bytes are not valid in it.
result<std::string> to_utf8(std::string bytes, std::string_view charset);

/// Whether the text is exactly one JSON object or array (RFC 8259). The depth is bounded, and no memory is allocated.
bool is_json_container(std::string_view text);

}  // namespace wsidecar::proto
