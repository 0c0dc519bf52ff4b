#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// A body without its content coding (RFC 9110 section 8.4): gzip, x-gzip, deflate (with or without its zlib header) and
/// identity; one coding, as `coding` names it, at most `limit` bytes when decoded.
/// Problems: unknown_coding, bad_coding (damaged or cut off), too_big.
result<std::string> decode_content(std::string_view coding, std::string_view body, std::size_t limit);

}  // namespace wsidecar::proto
