#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Encodes a value for an HTTP header as section 3.1.3.2 of the CloudEvents HTTP binding says: everything except printable
/// ASCII, and also space, '"' and '%'. Also encodes '+', which Java's URLDecoder would turn into a space.
void percent_encode_header(std::string& out, std::string_view value);
std::string percent_encode_header(std::string_view value);

/// Encodes one path segment: everything except unreserved characters (RFC 3986 section 2.3).
std::string percent_encode_segment(std::string_view value);

/// Decodes. A '%' that is not followed by two hexadecimal digits stays as it is.
std::string percent_decode(std::string_view value);

}  // namespace wsidecar::proto
