#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// An answer of our own to a client, as bytes (RFC 9112 section 4). Adds Content-Length and, unless `headers` or `lines` has them,
/// `Connection: close` and a text Content-Type. `lines`: complete "Name: value\r\n" lines. `head_only`: the request was HEAD.
std::string http_answer(unsigned status, const core::field_list& headers, std::string_view lines, std::string_view body,
                        bool head_only = false);

/// One "Name: value\r\n" line; empty when the value would break out of it (CR, LF, NUL).
std::string header_line(std::string_view name, std::string_view value);

}  // namespace wsidecar::net
