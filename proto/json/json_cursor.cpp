#include "proto/json/json_cursor.hpp"

#include "proto/text/ascii.hpp"
#include "proto/text/hex.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {

char json_cursor::space() {
    if (const char c = peek(); c > ' ') {
        return c;
    }
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\t' || s_[at_] == '\n' || s_[at_] == '\r')) {
        ++at_;
    }
    return peek();
}

bool json_cursor::at_end() {
    space();
    return at_ == s_.size();
}

bool json_cursor::word(std::string_view w) {
    if (s_.substr(at_, w.size()) != w) {
        return false;
    }
    at_ += w.size();
    return true;
}

bool json_cursor::string() {
    if (peek() != '"') {
        return false;
    }
    ++at_;
    for (;;) {
        at_ += json_plain(s_.substr(at_));
        if (at_ >= s_.size()) {
            return false;
        }
        const char c = s_[at_++];
        if (c == '"') {
            return true;
        }
        if (c != '\\' || !escape()) {
            return false;
        }
    }
}

bool json_cursor::escape() {
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
        if (hex_value(s_[at_++]) < 0) {
            return false;
        }
    }
    return true;
}

std::size_t json_cursor::digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) {
        ++at_;
    }
    return at_ - start;
}

bool json_cursor::number() {
    if (peek() == '-') {
        ++at_;
    }
    const bool zero = peek() == '0';
    const std::size_t n = digits();
    if (n == 0 || (zero && n > 1)) {
        return false;
    }
    if (peek() == '.') {
        ++at_;
        if (digits() == 0) {
            return false;
        }
    }
    if (peek() == 'e' || peek() == 'E') {
        ++at_;
        if (peek() == '+' || peek() == '-') {
            ++at_;
        }
        return digits() > 0;
    }
    return true;
}

bool json_cursor::scalar() {
    switch (peek()) {
        case '"': return string();
        case 't': return word("true");
        case 'f': return word("false");
        case 'n': return word("null");
        default: return number();
    }
}

bool json_cursor::value(int depth) {
    if (!opens_container(peek())) {
        return scalar();
    }
    return container(depth, [&](std::string_view) { return value(depth + 1); });
}

bool is_json(std::string_view text, int max_depth) {
    json_cursor cursor(text, max_depth);
    cursor.space();
    return cursor.value(0) && cursor.at_end();
}

}  // namespace wsidecar::proto
