#include "proto/json_scan.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstring>

#include "proto/words.hpp"

namespace wsidecar::proto {
namespace {

/// Walks over one JSON text.
class json_scanner {
public:
    explicit json_scanner(std::string_view s) : s_(s) {}

    /// Parts of the outermost container; keys are empty for an array.
    std::vector<std::pair<std::string_view, std::string_view>> parts;

    bool whole_container() {
        space();
        if (at_ >= s_.size() || (s_[at_] != '{' && s_[at_] != '[')) {
            return false;
        }
        if (!value(0)) {
            return false;
        }
        space();
        return at_ == s_.size();
    }

private:
    static constexpr int max_depth = 64;

    void note(int depth, std::string_view key, std::size_t start) {
        if (depth == 0) {
            parts.emplace_back(key, s_.substr(start, at_ - start));
        }
    }
    void space() {
        while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\t' || s_[at_] == '\n' || s_[at_] == '\r')) {
            ++at_;
        }
    }
    bool eat(char c) {
        if (at_ < s_.size() && s_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }
    bool word(std::string_view w) {
        if (s_.substr(at_, w.size()) != w) {
            return false;
        }
        at_ += w.size();
        return true;
    }
    bool value(int depth) {
        if (depth > max_depth || at_ >= s_.size()) {
            return false;
        }
        switch (s_[at_]) {
            case '{': return members(depth);
            case '[': return elements(depth);
            case '"': return string();
            case 't': return word("true");
            case 'f': return word("false");
            case 'n': return word("null");
            default: return number();
        }
    }
    bool members(int depth) {
        ++at_;
        space();
        if (eat('}')) {
            return true;
        }
        for (;;) {
            space();
            const std::size_t key = at_;
            if (!string()) {
                return false;
            }
            const std::size_t key_end = at_;
            space();
            if (!eat(':')) {
                return false;
            }
            space();
            const std::size_t start = at_;
            if (!value(depth + 1)) {
                return false;
            }
            note(depth, s_.substr(key, key_end - key), start);
            space();
            if (eat('}')) {
                return true;
            }
            if (!eat(',')) {
                return false;
            }
        }
    }
    bool elements(int depth) {
        ++at_;
        space();
        if (eat(']')) {
            return true;
        }
        for (;;) {
            space();
            const std::size_t start = at_;
            if (!value(depth + 1)) {
                return false;
            }
            note(depth, {}, start);
            space();
            if (eat(']')) {
                return true;
            }
            if (!eat(',')) {
                return false;
            }
        }
    }
    bool string() {
        if (!eat('"')) {
            return false;
        }
        while (at_ < s_.size()) {
            const auto c = static_cast<unsigned char>(s_[at_++]);
            if (c == '"') {
                return true;
            }
            if (c < 0x20) {
                return false;
            }
            if (c == '\\' && !escape()) {
                return false;
            }
        }
        return false;
    }
    bool escape() {
        if (at_ >= s_.size()) {
            return false;
        }
        const char c = s_[at_++];
        if (c != 'u') {
            return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
        }
        if (s_.size() - at_ < 4) {
            return false;
        }
        for (int i = 0; i < 4; ++i) {
            const char h = static_cast<char>(s_[at_] | 0x20);
            if (!((s_[at_] >= '0' && s_[at_] <= '9') || (h >= 'a' && h <= 'f'))) {
                return false;
            }
            ++at_;
        }
        return true;
    }
    std::size_t digits() {
        const std::size_t start = at_;
        while (at_ < s_.size() && s_[at_] >= '0' && s_[at_] <= '9') {
            ++at_;
        }
        return at_ - start;
    }
    bool number() {
        eat('-');
        const bool zero = at_ < s_.size() && s_[at_] == '0';
        const std::size_t n = digits();
        if (n == 0 || (zero && n > 1)) {
            return false;
        }
        if (eat('.') && digits() == 0) {
            return false;
        }
        if (at_ < s_.size() && (s_[at_] | 0x20) == 'e') {
            ++at_;
            if (!eat('+')) {
                eat('-');
            }
            return digits() > 0;
        }
        return true;
    }

    std::string_view s_;
    std::size_t at_ = 0;
};

char first_token(std::string_view text) {
    const auto at = text.find_first_not_of(" \t\r\n");
    return at == std::string_view::npos ? '\0' : text[at];
}

}  // namespace

bool json_container(std::string_view text) {
    return json_scanner(text).whole_container();
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
    json_scanner scan(text);
    if (first_token(text) != '[' || !scan.whole_container()) {
        return std::nullopt;
    }
    std::vector<std::string_view> out;
    out.reserve(scan.parts.size());
    for (const auto& [key, value] : scan.parts) {
        out.push_back(value);
    }
    return out;
}

std::optional<std::vector<std::pair<std::string_view, std::string_view>>> json_members(std::string_view text) {
    json_scanner scan(text);
    if (first_token(text) != '{' || !scan.whole_container()) {
        return std::nullopt;
    }
    return std::move(scan.parts);
}

std::optional<std::string> json_string(std::string_view raw) {
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
    static constexpr char hex[] = "0123456789abcdef";
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
                to[4] = hex[u >> 4U];
                to[5] = hex[u & 15U];
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
    out.erase(json_quote_to(out.data() + begin, text) - out.data());
}

}  // namespace wsidecar::proto
