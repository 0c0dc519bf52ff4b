#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::string_view bytes);

/// Strict: padding required, no whitespace, no stray bits; nullopt otherwise.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace wsidecar::proto
