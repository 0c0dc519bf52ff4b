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
    std::size_t bytes = 16 * 1024;  ///< of the whole head, its empty line included
    std::size_t count = 100;        ///< header lines
};

struct header_view {
    std::string_view name;
    std::string_view value;  ///< without white space around it
};

/// The head of a request, as views into the bytes that were scanned: valid as long as those stay where they are.
struct request_head {
    std::string_view method;
    std::string_view target;
    std::shared_ptr<const std::string> written_target;  ///< the bytes of `target`, if they stand nowhere else
    unsigned version = 11;                              ///< 10 or 11
    std::vector<header_view> headers;

    /// First value of the header; names compare without regard to case.
    std::optional<std::string_view> find(std::string_view name) const;
    /// Lines with this name.
    std::size_t count(std::string_view name) const;
    /// Whether any line of this (comma-separated) header has the token, compared without regard to case.
    bool has_token(std::string_view name, std::string_view token) const;
    /// All values of the header joined by `separator`; empty when there is none.
    std::string joined(std::string_view name, std::string_view separator = ", ") const;
    /// Values of all lines with this name, in order.
    std::vector<std::string_view> values(std::string_view name) const;
};

struct head_scan {
    enum class state : std::uint8_t { incomplete, complete, problem };
    state what = state::incomplete;
    std::size_t size = 0;  ///< complete: bytes of the head, its empty line (and one empty line before it) included
    unsigned status = 0;   ///< problem: 400 or 431
    problem why;           ///< problem
    request_head head;     ///< complete
};

/// Characters that names, addresses and ports really have: no user, no list, no path.
bool is_host(std::string_view s);

/// Strict lexical check of an HTTP/1.x request head (RFC 9112 sections 2 to 5) on all bytes received so far. Lenient in one
/// thing: a single CRLF before the request line. Refuses what two parsers could read in two ways. A target in absolute-form
/// (http, https, ws, wss) is given as its path and query, and its authority as the value of a well-formed Host (RFC 9112
/// section 3.2.2).
/// Reasons: bare_lf, bare_cr, control_character, bad_method, bad_target, bad_request_line, bad_version, obs_fold,
/// space_before_colon, bad_header_name, no_colon, empty_line (400); head_too_big, too_many_headers (431).
head_scan scan_head(std::string_view bytes, const head_limits& limits = {});

}  // namespace wsidecar::proto
