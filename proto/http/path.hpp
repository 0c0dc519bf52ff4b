#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// The decoded path variables by name, in the order of the pattern.
using variables = std::vector<std::pair<std::string, std::string>>;

/// The two parts of an origin-form target, as views into it.
struct request_path {
    std::string_view path;   ///< as received, not decoded
    std::string_view query;  ///< without the '?'
};

/// Refuses every target whose path two servers could read in two ways (proto/README.md, Connecting): dot segments in any encoding,
/// ';', '\', '#', %2f, %3b, %5c, %00, CR and LF, invalid UTF-8, malformed escapes, and empty segments except the last.
/// The status is always 400. Reasons: bad_target_form, dot_segment, path_parameter, bad_path_character, bad_escape, bad_utf8,
/// empty_segment.
result<request_path> check_path(std::string_view target);

/// A pattern like `/ws/{table}/{rest...}`: literals, variables of one non-empty segment each, and at the end optionally a variable that
/// takes the rest of the path, which may be empty. Literals are compared decoded and case-sensitively; a trailing slash matters.
class route_pattern {
public:
    /// Reasons: bad_pattern, bad_variable_name (a name has only A-Z a-z 0-9 - _, and occurs once).
    static result<route_pattern> compile(std::string_view pattern);

    /// `path` must have passed check_path().
    std::optional<variables> match(std::string_view path) const;
    /// Which of two patterns is more specific: from left to right, a literal precedes a variable, and both the end and a variable precede `{rest...}`.
    bool more_specific_than(const route_pattern& other) const;
    std::vector<std::string_view> variable_names() const;

private:
    enum class kind : std::uint8_t { literal, variable, end, rest };
    struct segment {
        kind what;
        std::string text;  ///< a literal in decoded form, or a variable's name
    };

    std::vector<segment> segments_;  ///< the last one is `end` or `rest`
};

/// Replaces `{name}` and `{name...}` by the variable's value. Unknown names stay unchanged.
std::string expand_template(std::string_view text, const variables& values);

/// Builds the app's path from a route's event_path: `{event}`, `{name}` as one encoded segment, `{name...}` with its slashes kept.
std::string expand_path(std::string_view event_path, const variables& values, std::string_view event);

/// The routes of a configuration. The most specific match wins; among equals, the one that was added first.
class route_table {
public:
    struct found {
        std::size_t index = 0;  ///< as passed to add()
        variables values;
    };

    void add(route_pattern pattern, std::size_t index);
    std::optional<found> find(std::string_view path) const;

private:
    struct entry {
        route_pattern pattern;
        std::size_t index;
    };
    std::vector<entry> entries_;  ///< the most specific first
};

}  // namespace wsidecar::proto
