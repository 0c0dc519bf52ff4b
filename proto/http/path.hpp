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

/// Path variables by name, decoded, in the order of the pattern.
using variables = std::vector<std::pair<std::string, std::string>>;

/// An origin-form target in two; views into it.
struct request_path {
    std::string_view path;   ///< as it came: still encoded
    std::string_view query;  ///< without the '?'
};

/// Refuses every target whose path two servers could read in two ways (proto/README.md, Connecting): dot segments in any encoding,
/// ';', '\', '#', %2f, %3b, %5c, %00, CR and LF, UTF-8 that is none, malformed escapes, empty segments but the last.
/// All are answered 400. Reasons: bad_target_form, dot_segment, path_parameter, bad_path_character, bad_escape, bad_utf8,
/// empty_segment.
result<request_path> check_path(std::string_view target);

/// `/ws/{table}/{rest...}`: literals, variables of one non-empty segment each, and at the end one that takes all that is
/// left, also nothing. Literals compare decoded and with regard to case; a trailing slash counts.
class route_pattern {
public:
    /// Reasons: bad_pattern, bad_variable_name (A-Z a-z 0-9 - _, each once).
    static result<route_pattern> compile(std::string_view pattern);

    /// `path`: one that passed check_path.
    std::optional<variables> match(std::string_view path) const;
    /// From left to right a literal beats a variable, the end beats `{rest...}`, a variable beats it too.
    bool more_specific_than(const route_pattern& other) const;
    std::vector<std::string_view> variable_names() const;

private:
    enum class kind : std::uint8_t { literal, variable, end, rest };
    struct segment {
        kind what;
        std::string text;  ///< literal: decoded; else the variable's name
    };

    std::vector<segment> segments_;  ///< closed by `end` or `rest`
};

/// Replaces `{name}` and `{name...}` by the variable's value as it is. Unknown names stay as they stand.
std::string expand_template(std::string_view text, const variables& values);

/// An app path from a route's event_path: `{event}`, `{name}` as one encoded segment, `{name...}` with its slashes kept.
std::string expand_path(std::string_view event_path, const variables& values, std::string_view event);

/// The routes of a configuration: the most specific match wins, then the order of adding.
class route_table {
public:
    struct found {
        std::size_t index = 0;  ///< as given to add()
        variables values;
    };

    void add(route_pattern pattern, std::size_t index);
    std::optional<found> find(std::string_view path) const;

private:
    struct entry {
        route_pattern pattern;
        std::size_t index;
    };
    std::vector<entry> entries_;  ///< most specific first
};

}  // namespace wsidecar::proto
