#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Encodes a value for an HTTP header as the CloudEvents HTTP binding 3.1.3.2 says: everything outside printable
/// ASCII, and space, '"', '%'. Also '+', which Java's URLDecoder would turn into a space.
void percent_encode_header(std::string& out, std::string_view value);
std::string percent_encode_header(std::string_view value);

/// Encodes one path segment: everything but unreserved characters (RFC 3986 section 2.3).
std::string percent_encode_segment(std::string_view value);

/// Decodes; a '%' that is not followed by two hex digits is itself.
std::string percent_decode(std::string_view value);

}  // namespace wsidecar::proto
