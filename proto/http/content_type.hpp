#pragma once

#include <string>
#include <string_view>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// A Content-Type (RFC 9110 section 8.3): lower-case type/subtype and charset; both empty when absent.
struct media_type {
    std::string type;
    std::string charset;
};
media_type parse_content_type(std::string_view value);

/// Whether a body of this type is sent as a text message: text/*, JSON, XML, +json, +xml.
bool is_text_type(std::string_view type);

/// `bytes` in `charset` (any that iconv knows; empty: UTF-8) as UTF-8. Problem `bad_answer`: unknown charset, or not
/// valid in it. At most four times the input.
result<std::string> to_utf8(std::string bytes, std::string_view charset);

/// Whether the text is exactly one JSON object or array (RFC 8259). Depth bounded, nothing allocated.
bool is_json_container(std::string_view text);

}  // namespace wsidecar::proto
