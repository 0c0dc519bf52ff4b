#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// Writes an answer to a client (RFC 9112 section 4). Adds Content-Length and, unless `headers` or `lines` contain them, `Connection: close` and
/// a text Content-Type. `lines` are complete "Name: value\r\n" lines. `head_only` is for answers to HEAD.
std::string http_answer(unsigned status, const core::field_list& headers, std::string_view lines, std::string_view body,
                        bool head_only = false);

/// Writes one "Name: value\r\n" line. Returns an empty string if the value contains CR, LF or NUL.
std::string header_line(std::string_view name, std::string_view value);

}  // namespace wsidecar::net
