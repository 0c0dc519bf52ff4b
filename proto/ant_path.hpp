#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

// Destinations with wildcards as Spring's AntPathMatcher reads them (caseSensitive, trimTokens false), which is what its simple
// broker asks: a subscription that is_pattern() goes by ant_pattern::match, any other by equality of the strings.
//
//   ?       one character (code point) within a segment
//   *       any number of them, none too; "/a/*" matches "/a/" also
//   **      as a whole segment: any number of segments, none too
//   {name}  as *
//
// Empty segments count for nothing ("/a//b" is matched by "/a/*"), but a separator at the front or the end has to be there on
// both sides.

namespace wsidecar::proto::stomp {

/// Whether Spring takes this destination of a SUBSCRIBE for a pattern: it has *, ?, or a { and a } after it.
bool is_pattern(std::string_view destination);

/// A pattern, read once, matched often. Work and stack of a match are bounded: at most some |pattern| * |path| steps, nothing is
/// allocated for each step and nothing recurses, whatever the pattern.
class ant_pattern {
public:
    static constexpr std::size_t max_bytes = 1024;

    /// Any text is a pattern. Problems: pattern_too_long; pattern_regex: {name:regex}, which Spring hands to java.util.regex: another
    /// engine's answers would differ, and a client's expression is no thing to run.
    static result<ant_pattern> parse(std::string_view text, char separator = '/');

    bool match(std::string_view path) const;

    const std::string& text() const { return text_; }

private:
    enum class kind : std::uint8_t { literal, one, run };
    struct piece {
        kind what;
        std::string text;  ///< literal
    };
    struct segment {
        bool many = false;  ///< **
        bool star = false;  ///< *, which, as the last one, also stands for the nothing behind a separator at the end
        std::vector<piece> pieces;

        bool match(std::string_view text) const;
    };
    using segments = std::span<const segment>;

    static result<segment> parse_segment(std::string_view text);
    static bool all_many(segments s);
    static bool match_from_many(segments pattern, std::span<const std::string_view> path);

    std::string text_;
    std::vector<segment> segments_;  ///< without the empty ones
    char separator_ = '/';
};

/// ant_pattern::parse and match in one; false when it can't be parsed.
bool match(std::string_view pattern, std::string_view path, char separator = '/');

}  // namespace wsidecar::proto::stomp
