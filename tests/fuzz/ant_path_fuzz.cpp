// A destination with wildcards, a line end, a destination: both come from clients. Held to a matcher that tries everything.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proto/stomp/ant_path.hpp"

namespace {

using namespace wsidecar::proto::stomp;

void expect(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

/// ? and * of one segment, by a table; for ASCII without {.
bool segment_matches(std::string_view pattern, std::string_view text) {
    std::vector<bool> reached(text.size() + 1);
    reached[0] = true;
    for (const char c : pattern) {
        std::vector<bool> next(text.size() + 1);
        for (std::size_t i = 0; i <= text.size(); ++i) {
            next[i] = (c == '*' && (reached[i] || (i > 0 && next[i - 1]))) ||
                      (c != '*' && i > 0 && reached[i - 1] && (c == '?' || c == text[i - 1]));
        }
        reached = next;
    }
    return reached.back();
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find('/'), text.size());
        if (end > 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// Segments by a table; for two texts that both begin with a separator and both end with none.
bool matches(std::string_view pattern, std::string_view path) {
    const auto parts = split(path);
    std::vector<bool> reached(parts.size() + 1);
    reached[0] = true;
    for (const auto p : split(pattern)) {
        std::vector<bool> next(parts.size() + 1);
        for (std::size_t i = 0; i <= parts.size(); ++i) {
            next[i] =
                p == "**" ? reached[i] || (i > 0 && next[i - 1]) : i > 0 && reached[i - 1] && segment_matches(p, parts[i - 1]);
        }
        reached = next;
    }
    return reached.back();
}

bool plain(std::string_view text) {
    for (const char c : text) {
        if (c == '{' || static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return text.starts_with('/') && !text.ends_with('/');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(bytes.find('\n'), bytes.size());
    const auto pattern = bytes.substr(0, end);
    const auto path = bytes.substr(std::min(end + 1, bytes.size()));
    const auto p = ant_pattern::parse(pattern);
    const bool matched = p && p->match(path);
    if (p && plain(pattern) && plain(path)) {
        expect(matched == matches(pattern, path));
    }
    if (!is_pattern(pattern) && pattern.size() <= ant_pattern::max_bytes) {
        expect(match(pattern, pattern));
    }
    match(pattern, path, '.');
    return 0;
}
