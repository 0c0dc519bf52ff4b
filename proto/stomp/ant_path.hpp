#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

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

/// A destination taken apart once, for many patterns. Views: no longer than the text.
class split_path {
public:
    explicit split_path(std::string_view text, char separator = '/');

    const std::vector<std::string_view>& segments() const { return segments_; }  ///< without the empty ones
    bool begins_with_separator() const { return front_; }
    bool ends_with_separator() const { return back_; }

private:
    std::vector<std::string_view> segments_;
    bool front_;
    bool back_;
};

/// A pattern, read once, matched often. Work and stack of a match are bounded: at most cost() steps, nothing is allocated for each
/// step and nothing recurses, whatever the pattern. What stands before the first wildcard of a segment and behind its last is
/// compared once; only text between two * of a segment, and segments between two **, are looked for.
class ant_pattern {
public:
    static constexpr std::size_t max_bytes = 1024;

    /// Any text is a pattern. Problems: pattern_too_long; pattern_regex: {name:regex}, which Spring hands to java.util.regex: another
    /// engine's answers would differ, and a client's expression is no thing to run.
    static result<ant_pattern> parse(std::string_view text, char separator = '/');

    bool match(std::string_view path) const { return match(split_path(path, separator_)); }
    /// `path` was split at the same separator.
    bool match(const split_path& path) const;

    const std::string& text() const { return text_; }
    /// A bound of the steps of one match against a path of at most 256 bytes.
    std::size_t cost() const;
    /// The segments before the first one with a wildcard, each behind a separator; a path that it matches begins with the same.
    std::string fixed_front() const;

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
        std::size_t first_run = 0;  ///< index of the first run; pieces.size(): none
        std::size_t last_run = 0;

        bool match(std::string_view text) const;
        bool match_between(std::string_view text) const;
        bool fixed() const { return pieces.size() == 1 && pieces[0].what == kind::literal; }
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
