#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

/// SHA-1 as 40 lower-case hexadecimal digits, the form of Redis' EVALSHA and redis.sha1hex. Not for security.
std::string sha1_hex(std::string_view bytes);

}  // namespace wsidecar::proto
