#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// Returns a body without its content coding (RFC 9110 section 8.4). `coding` names one coding: gzip, x-gzip, deflate (with or
/// without its zlib header) or identity. The decoded body has at most `limit` bytes.
/// Problems: unknown_coding, bad_coding (the body is damaged or cut off), too_big.
result<std::string> decode_content(std::string_view coding, std::string_view body, std::size_t limit);

}  // namespace wsidecar::proto
