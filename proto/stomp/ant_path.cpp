#include "proto/stomp/ant_path.hpp"

#include <algorithm>
#include <optional>

namespace wsidecar::proto::stomp {

namespace {

constexpr auto npos = std::string_view::npos;

/// The parts between separators, without the empty ones (java.util.StringTokenizer).
std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    parts.reserve(8);
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// For each position of a segment: where a variable ends of which a part was read up to there; npos: nowhere. What Spring's
/// expression \{((?:\{[^/]+?\}|[^/{}]|\\[{}])+?)\} finds, worked out from the end, so that nothing is tried twice.
std::vector<std::size_t> variable_ends(std::string_view text) {
    std::vector<std::size_t> ends(text.size() + 1, npos);
    for (std::size_t at = text.size(); at-- > 0;) {
        if (text[at] == '}') {
            ends[at] = at + 1;
        } else if (text[at] == '{') {
            auto close = text.find('}', at + 2);
            while (close != npos && ends[close + 1] == npos) {
                close = text.find('}', close + 1);
            }
            ends[at] = close != npos ? ends[close + 1] : npos;
        } else {
            ends[at] = ends[at + 1];
            if (ends[at] == npos && text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '{') {
                ends[at] = ends[at + 2];
            }
        }
    }
    return ends;
}

/// The length of a UTF-8 code point, which '?' stands for as a whole.
std::size_t code_point(std::string_view text) {
    std::size_t n = 1;
    while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0U) == 0x80) {
        ++n;
    }
    return n;
}

/// Of the last one.
std::size_t last_code_point(std::string_view text) {
    std::size_t n = 1;
    while (n < text.size() && (static_cast<unsigned char>(text[text.size() - n]) & 0xC0U) == 0x80) {
        ++n;
    }
    return n;
}

}  // namespace

split_path::split_path(std::string_view text, char separator)
    : segments_(split(text, separator)), front_(text.starts_with(separator)), back_(text.ends_with(separator)) {}

bool is_pattern(std::string_view destination) {
    if (destination.find_first_of("*?") != npos) {
        return true;
    }
    const auto open = destination.find('{');
    return open != npos && destination.find('}', open) != npos;
}

result<ant_pattern::segment> ant_pattern::parse_segment(std::string_view text) {
    segment s;
    s.many = text == "**";
    s.star = text == "*";
    const auto literal = [&s](std::string_view t) {
        if (s.pieces.empty() || s.pieces.back().what != kind::literal) {
            s.pieces.push_back({kind::literal, {}});
        }
        s.pieces.back().text += t;
    };
    const auto ends = text.find('{') != npos ? variable_ends(text) : std::vector<std::size_t>();
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '?') {
            s.pieces.push_back({kind::one, {}});
        } else if (text[at] == '*') {
            s.pieces.push_back({kind::run, {}});
        } else if (text[at] == '{' && at + 1 < text.size() && text[at + 1] != '}' && ends[at + 1] != npos) {
            if (text.substr(at, ends[at + 1] - at).find(':') != npos) {
                return problem{"pattern_regex", "a pattern with a regular expression, {name:regex}, which is not supported"};
            }
            s.pieces.push_back({kind::run, {}});
            at = ends[at + 1];
            continue;
        } else {
            literal(text.substr(at, 1));
        }
        ++at;
    }
    const auto is_run = [](const piece& p) { return p.what == kind::run; };
    const auto first = std::find_if(s.pieces.begin(), s.pieces.end(), is_run);
    const auto last = std::find_if(s.pieces.rbegin(), s.pieces.rend(), is_run);
    s.first_run = static_cast<std::size_t>(first - s.pieces.begin());
    s.last_run = first == s.pieces.end() ? s.first_run : static_cast<std::size_t>(s.pieces.rend() - last) - 1;
    return s;
}

result<ant_pattern> ant_pattern::parse(std::string_view text, char separator) {
    if (text.size() > max_bytes) {
        return problem{"pattern_too_long", "a pattern longer than 1024 bytes"};
    }
    ant_pattern p;
    p.text_ = text;
    p.separator_ = separator;
    for (const auto part : split(text, separator)) {
        auto s = parse_segment(part);
        if (!s) {
            return s.error();
        }
        p.segments_.push_back(std::move(*s));
    }
    return p;
}

/// The front and the end of a segment have one place where they can fit: they are looked at first, and most texts fail there.
bool ant_pattern::segment::match(std::string_view text) const {
    for (std::size_t i = 0; i < first_run; ++i) {
        const auto& p = pieces[i];
        if (p.what == kind::one ? text.empty() : !text.starts_with(p.text)) {
            return false;
        }
        text.remove_prefix(p.what == kind::one ? code_point(text) : p.text.size());
    }
    if (first_run == pieces.size()) {
        return text.empty();
    }
    for (std::size_t i = pieces.size(); --i > last_run;) {
        const auto& p = pieces[i];
        if (p.what == kind::one ? text.empty() : !text.ends_with(p.text)) {
            return false;
        }
        text.remove_suffix(p.what == kind::one ? last_code_point(text) : p.text.size());
    }
    return last_run == first_run || match_between(text);
}

/// From the first run to the last: where the rest does not fit, the last run takes one code point more: no run before it has to be
/// tried again.
bool ant_pattern::segment::match_between(std::string_view text) const {
    std::size_t piece = first_run;
    const std::size_t end = last_run + 1;
    std::optional<std::size_t> after_run;
    std::string_view run_from;
    std::string_view rest = text;
    for (;;) {
        bool fits = piece == end && rest.empty();
        if (fits) {
            return true;
        }
        if (piece < end) {
            const auto& p = pieces[piece];
            if (p.what == kind::run) {
                after_run = ++piece;
                run_from = rest;
                if (piece == end) {
                    return true;
                }
                continue;
            }
            fits = p.what == kind::one ? !rest.empty() : rest.starts_with(p.text);
            if (fits) {
                rest.remove_prefix(p.what == kind::one ? code_point(rest) : p.text.size());
                ++piece;
                continue;
            }
        }
        if (!after_run || run_from.empty()) {
            return false;
        }
        run_from.remove_prefix(code_point(run_from));
        rest = run_from;
        piece = *after_run;
    }
}

bool ant_pattern::all_many(segments s) {
    return std::all_of(s.begin(), s.end(), [](const segment& x) { return x.many; });
}

/// A piece between two runs is tried at every place of the text, a segment between two ** at every segment of the path.
std::size_t ant_pattern::cost() const {
    constexpr std::size_t path_bytes = 256;
    constexpr std::size_t path_segments = path_bytes / 2;
    std::size_t first_many = segments_.size();
    std::size_t last_many = 0;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        first_many = segments_[i].many ? std::min(first_many, i) : first_many;
        last_many = segments_[i].many ? i : last_many;
    }
    std::size_t sum = 1;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        const auto& s = segments_[i];
        const bool anywhere = i > first_many && i < last_many;
        std::size_t steps = anywhere ? path_segments + path_bytes : 1;
        for (std::size_t k = 0; k < s.pieces.size(); ++k) {
            const std::size_t size = s.pieces[k].what == kind::literal ? s.pieces[k].text.size() : 1;
            steps += k > s.first_run && k < s.last_run ? size * path_bytes : anywhere ? 0 : size;
        }
        sum += steps;
    }
    return sum;
}

std::string ant_pattern::fixed_front() const {
    std::string out;
    for (const auto& s : segments_) {
        if (!s.fixed()) {
            break;
        }
        (out += separator_) += s.pieces[0].text;
    }
    return out;
}

/// AntPathMatcher.doMatch, step by step.
bool ant_pattern::match(const split_path& path) const {
    if (path.begins_with_separator() != text_.starts_with(separator_)) {
        return false;
    }
    const bool same_end = path.ends_with_separator() == text_.ends_with(separator_);
    segments pattern = segments_;
    std::span<const std::string_view> rest = path.segments();
    while (!pattern.empty() && !rest.empty() && !pattern.front().many) {
        if (!pattern.front().match(rest.front())) {
            return false;
        }
        pattern = pattern.subspan(1);
        rest = rest.subspan(1);
    }
    if (rest.empty()) {
        if (pattern.empty()) {
            return same_end;
        }
        return (pattern.size() == 1 && pattern.front().star && path.ends_with_separator()) || all_many(pattern);
    }
    if (pattern.empty()) {
        return false;
    }
    if (!pattern.back().many && !same_end) {
        return false;
    }
    while (!rest.empty() && !pattern.back().many) {
        if (!pattern.back().match(rest.back())) {
            return false;
        }
        pattern = pattern.first(pattern.size() - 1);
        rest = rest.first(rest.size() - 1);
    }
    return rest.empty() ? all_many(pattern) : match_from_many(pattern, rest);
}

/// A pattern that begins and ends with **: what stands between two of them is looked for from left to right.
bool ant_pattern::match_from_many(segments pattern, std::span<const std::string_view> path) {
    while (pattern.size() > 1 && !path.empty()) {
        pattern = pattern.subspan(1);
        const auto next = std::find_if(pattern.begin(), pattern.end(), [](const segment& s) { return s.many; });
        const auto block = pattern.first(static_cast<std::size_t>(next - pattern.begin()));
        const auto found = std::search(path.begin(), path.end(), block.begin(), block.end(),
                                       [](std::string_view text, const segment& s) { return s.match(text); });
        if (found == path.end() && !block.empty()) {
            return false;
        }
        path = path.subspan(static_cast<std::size_t>(found - path.begin()) + block.size());
        pattern = pattern.subspan(block.size());
    }
    return all_many(pattern);
}

bool match(std::string_view pattern, std::string_view path, char separator) {
    const auto p = ant_pattern::parse(pattern, separator);
    return p && p->match(path);
}

}  // namespace wsidecar::proto::stomp
