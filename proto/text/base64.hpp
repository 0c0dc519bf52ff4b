#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);

/// Strict: padding required, no whitespace, no stray bits; nullopt otherwise.
std::optional<std::string> base64_decode(std::string_view text);

/// RFC 4648 section 5 without padding, as RFC 7515 section 2 has it.
std::string base64url_encode(std::string_view bytes);

/// Strict: no padding, no whitespace, no stray bits; nullopt otherwise.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace wsidecar::proto
