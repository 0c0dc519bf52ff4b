#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

struct head_limits {
    std::size_t bytes = 16 * 1024;  ///< size of the whole head with its empty line
    std::size_t count = 100;        ///< number of header lines
};

struct header_view {
    std::string_view name;
    std::string_view value;  ///< without the white space around it
};

/// The head of a request. Its members are views into the scanned bytes, and valid as long as those stay in place.
struct request_head {
    std::string_view method;
    std::string_view target;
    std::shared_ptr<const std::string> written_target;  ///< the bytes of `target`, if it is not part of the scanned bytes
    unsigned version = 11;                              ///< 10 or 11
    std::vector<header_view> headers;

    /// The first value of the header. Names are compared case-insensitively.
    std::optional<std::string_view> find(std::string_view name) const;
    /// The number of lines with this name.
    std::size_t count(std::string_view name) const;
    /// Whether any line of this comma-separated header has the token. Compares case-insensitively.
    bool has_token(std::string_view name, std::string_view token) const;
    /// All values of the header, joined by `separator`; empty if there are none.
    std::string joined(std::string_view name, std::string_view separator = ", ") const;
    /// The values of all lines with this name, in order.
    std::vector<std::string_view> values(std::string_view name) const;
};

struct head_scan {
    enum class state : std::uint8_t { incomplete, complete, problem };
    state what = state::incomplete;
    std::size_t size = 0;  ///< if complete: bytes of the head, including its empty line and one empty line before it
    unsigned status = 0;   ///< if there is a problem: 400 or 431
    problem why;           ///< if there is a problem
    request_head head;     ///< if complete
};

/// Whether the text has only characters that host names, addresses and ports have, so that it contains no user, list or path.
bool is_host(std::string_view s);

/// Checks the HTTP/1.x request head (RFC 9112 sections 2 to 5) strictly on all bytes received so far, and refuses what two parsers could
/// read in two ways. It is lenient in one respect: it accepts a single CRLF before the request line. A target in absolute-form (http,
/// https, ws, wss) is returned as its path and query, and its authority as the value of a well-formed Host (RFC 9112 section
/// 3.2.2).
/// Reasons: bare_lf, bare_cr, control_character, bad_method, bad_target, bad_request_line, bad_version, obs_fold,
/// space_before_colon, bad_header_name, no_colon, empty_line (400); head_too_big, too_many_headers (431).
head_scan scan_head(std::string_view bytes, const head_limits& limits = {});

}  // namespace wsidecar::proto
