#include "proto/json/json_scan.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstring>

#include "proto/json/json_cursor.hpp"
#include "proto/text/hex.hpp"
#include "proto/text/utf8.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {
namespace {

using part = std::pair<std::string_view, std::string_view>;

/// The parts of the one container that `text` is: keys (empty in an array) and values, as they stand.
std::optional<std::vector<part>> parts_of(std::string_view text) {
    json_cursor cursor(text);
    cursor.space();
    if (!opens_container(cursor.peek())) {
        return std::nullopt;
    }
    std::vector<part> parts;
    parts.reserve(4);
    const auto each = [&](std::string_view key) {
        const std::size_t start = cursor.at();
        if (!cursor.value(1)) {
            return false;
        }
        parts.emplace_back(key, cursor.since(start));
        return true;
    };
    if (!cursor.container(0, each) || !cursor.at_end()) {
        return std::nullopt;
    }
    return parts;
}

char first_token(std::string_view text) {
    const auto at = text.find_first_not_of(" \t\r\n");
    return at == std::string_view::npos ? '\0' : text[at];
}

}  // namespace

bool json_container(std::string_view text) {
    json_cursor cursor(text);
    cursor.space();
    return opens_container(cursor.peek()) && cursor.value(0) && cursor.at_end();
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
    if (first_token(text) != '[') {
        return std::nullopt;
    }
    const auto parts = parts_of(text);
    if (!parts) {
        return std::nullopt;
    }
    std::vector<std::string_view> out;
    out.reserve(parts->size());
    for (const auto& [key, value] : *parts) {
        out.push_back(value);
    }
    return out;
}

std::optional<std::vector<part>> json_members(std::string_view text) {
    return first_token(text) == '{' ? parts_of(text) : std::nullopt;
}

std::optional<std::string> json_string(std::string_view raw) {
    // Nearly every string stands for itself; the others are Boost's.
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') {
        const std::string_view inner = raw.substr(1, raw.size() - 2);
        if (json_plain(inner) == inner.size()) {
            return valid_utf8(inner) ? std::optional(std::string(inner)) : std::nullopt;
        }
    }
    boost::system::error_code ec;
    const auto value = boost::json::parse(raw, ec);
    if (ec || !value.is_string()) {
        return std::nullopt;
    }
    const auto& s = value.get_string();
    return std::string(s.data(), s.size());
}

std::string json_compact(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    bool in_string = false;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
            continue;
        }
        out += c;
        if (c == '"') {
            in_string = !in_string;
        } else if (c == '\\' && in_string) {
            out += raw[++i];  // the text was scanned: an escape is never the last byte
        }
    }
    return out;
}

char* json_quote_to(char* to, std::string_view text) {
    *to++ = '"';
    for (std::size_t i = 0; i < text.size();) {
        const auto left = text.size() - i;
        if (left >= 8) {
            const auto word = load_word<std::uint64_t>(text.data() + i);
            if (json_special(word) == 0) {
                std::memcpy(to, &word, sizeof word);
                to += 8;
                i += 8;
                continue;
            }
        }
        for (const auto end = i + std::min<std::size_t>(left, 8); i < end; ++i) {
            const char c = text[i];
            const auto u = static_cast<unsigned char>(c);
            if (u < 0x20) {
                std::memcpy(to, "\\u00", 4);
                to[4] = lower_hex_digits[u >> 4U];
                to[5] = lower_hex_digits[u & 15U];
                to += 6;
                continue;
            }
            if (c == '"' || c == '\\') {
                *to++ = '\\';
            }
            *to++ = c;
        }
    }
    *to++ = '"';
    return to;
}

void json_quote(std::string& out, std::string_view text) {
    const auto begin = out.size();
    const auto escapes =
        std::count_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; });
    out.resize(begin + 2 + text.size() + 5 * static_cast<std::size_t>(escapes));
    out.erase(static_cast<std::size_t>(json_quote_to(out.data() + begin, text) - out.data()));
}

}  // namespace wsidecar::proto
