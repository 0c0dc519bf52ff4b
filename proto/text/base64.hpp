#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Encodes as RFC 4648 section 4 says, with padding.
std::string base64_encode(std::string_view bytes);

/// Decodes strictly: padding is required, and white space or stray bits give nullopt.
std::optional<std::string> base64_decode(std::string_view text);

/// Encodes as RFC 4648 section 5 says, without padding (RFC 7515 section 2).
std::string base64url_encode(std::string_view bytes);

/// Decodes strictly: padding, white space or stray bits give nullopt.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace wsidecar::proto
