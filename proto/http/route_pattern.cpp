// Route patterns, the table of them, and the templates that use their variables.

#include <algorithm>

#include "proto/http/path.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/percent.hpp"

namespace wsidecar::proto {

namespace {

bool is_variable_name(std::string_view s) {
    return !s.empty() &&
           std::all_of(s.begin(), s.end(), [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; });
}

/// Copies `text` and puts value(name) in the place of each `{name}`; what value() does not know stays.
template <class F>
std::string replace_names(std::string_view text, F value) {
    std::string out;
    while (!text.empty()) {
        const auto open = std::min(text.find('{'), text.size());
        out.append(text.substr(0, open));
        text.remove_prefix(open);
        const auto close = text.find('}');
        if (close == std::string_view::npos) {
            break;
        }
        const auto name = text.substr(1, close - 1);
        const auto found = name.find('{') == std::string_view::npos ? value(name) : std::nullopt;
        if (found) {
            out.append(*found);
            text.remove_prefix(close + 1);
        } else {
            out += '{';
            text.remove_prefix(1);
        }
    }
    return out.append(text);
}

const std::string* find_value(const variables& values, std::string_view name) {
    const auto it = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
    return it == values.end() ? nullptr : &it->second;
}

constexpr std::string_view dots = "...";

std::string_view without_dots(std::string_view name) {
    return name.ends_with(dots) ? name.substr(0, name.size() - dots.size()) : name;
}

std::string encode_keeping_slashes(std::string_view value) {
    std::string out;
    for (;;) {
        const auto slash = value.find('/');
        out += percent_encode_segment(value.substr(0, slash));
        if (slash == std::string_view::npos) {
            return out;
        }
        out += '/';
        value.remove_prefix(slash + 1);
    }
}

/// Takes the next segment from a path that begins with its slash.
std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

}  // namespace

result<route_pattern> route_pattern::compile(std::string_view pattern) {
    const problem bad{"bad_pattern", "a route's path is like /ws/{table}/{rest...}: whole segments, {rest...} last"};
    const bool plain = pattern.find("//") == std::string_view::npos && std::all_of(pattern.begin(), pattern.end(), [](char c) {
                           const auto u = static_cast<unsigned char>(c);
                           return u > 0x20 && u != 0x7F && c != '?' && c != '#' && c != ';' && c != '\\';
                       });
    if (!pattern.starts_with('/') || !plain) {
        return bad;
    }
    route_pattern p;
    while (!pattern.empty()) {
        const auto text = take_segment(pattern);
        if (text.find_first_of("{}") == std::string_view::npos) {
            p.segments_.push_back({kind::literal, percent_decode(text)});
            continue;
        }
        if (!text.starts_with('{') || text.find('}') != text.size() - 1) {
            return bad;
        }
        const auto inner = text.substr(1, text.size() - 2);
        const auto name = without_dots(inner);
        const bool rest = name.size() != inner.size();
        const auto names = p.variable_names();
        if (!is_variable_name(name) || std::find(names.begin(), names.end(), name) != names.end()) {
            return problem{"bad_variable_name", "a path variable's name is of A-Z a-z 0-9 - _ and stands once"};
        }
        if (rest && !pattern.empty()) {
            return bad;
        }
        p.segments_.push_back({rest ? kind::rest : kind::variable, std::string(name)});
    }
    if (p.segments_.back().what != kind::rest) {
        p.segments_.push_back({kind::end, {}});
    }
    return p;
}

std::optional<variables> route_pattern::match(std::string_view path) const {
    variables found;
    for (const auto& s : segments_) {
        if (s.what == kind::rest) {
            found.emplace_back(s.text, percent_decode(path.substr(path.empty() ? 0 : 1)));
            return found;
        }
        if (s.what == kind::end || path.empty()) {
            return s.what == kind::end && path.empty() ? std::optional(std::move(found)) : std::nullopt;
        }
        std::string text = percent_decode(take_segment(path));
        if (s.what == kind::literal ? text != s.text : text.empty()) {
            return std::nullopt;
        }
        if (s.what == kind::variable) {
            found.emplace_back(s.text, std::move(text));
        }
    }
    return std::nullopt;
}

bool route_pattern::more_specific_than(const route_pattern& other) const {
    const auto less = [](const segment& a, const segment& b) { return a.what < b.what; };
    return std::lexicographical_compare(segments_.begin(), segments_.end(), other.segments_.begin(), other.segments_.end(),
                                        less);
}

std::vector<std::string_view> route_pattern::variable_names() const {
    std::vector<std::string_view> names;
    for (const auto& s : segments_) {
        if (s.what == kind::variable || s.what == kind::rest) {
            names.push_back(s.text);
        }
    }
    return names;
}

std::string expand_template(std::string_view text, const variables& values) {
    return replace_names(text, [&](std::string_view name) {
        const auto* v = find_value(values, without_dots(name));
        return v != nullptr ? std::optional(*v) : std::nullopt;
    });
}

std::string expand_path(std::string_view event_path, const variables& values, std::string_view event) {
    bool nothing = false;
    std::string path = replace_names(event_path, [&](std::string_view name) -> std::optional<std::string> {
        if (name == "event") {
            return std::string(event);
        }
        const auto* v = find_value(values, without_dots(name));
        if (v == nullptr) {
            return std::nullopt;
        }
        nothing = nothing || v->empty();
        return name.ends_with(dots) ? encode_keeping_slashes(*v) : percent_encode_segment(*v);
    });
    if (nothing) {
        // An empty rest leaves no empty segment behind: servers read `//` in two ways.
        const auto end = path.begin() + static_cast<std::ptrdiff_t>(std::min(path.find('?'), path.size()));
        path.erase(std::unique(path.begin(), end, [](char a, char b) { return a == '/' && b == '/'; }), end);
    }
    return path;
}

void route_table::add(route_pattern pattern, std::size_t index) {
    const auto at =
        std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return pattern.more_specific_than(e.pattern); });
    entries_.insert(at, entry{std::move(pattern), index});
}

std::optional<route_table::found> route_table::find(std::string_view path) const {
    for (const auto& e : entries_) {
        if (auto values = e.pattern.match(path)) {
            return found{e.index, std::move(*values)};
        }
    }
    return std::nullopt;
}

}  // namespace wsidecar::proto
