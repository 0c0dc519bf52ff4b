#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Applies one Set-Cookie value (RFC 6265 section 4.1) to the value of a Cookie header: sets or replaces name=value, or removes it if
/// Max-Age <= 0 or Expires is past. Other attributes are ignored, because they do not matter to an app that is asked on its own path.
/// Returns false and changes nothing if the header would exceed 8 KiB, or if there is no name or a control character.
bool apply_set_cookie(std::string& cookie, std::string_view set_cookie, std::chrono::system_clock::time_point now);

}  // namespace wsidecar::proto
