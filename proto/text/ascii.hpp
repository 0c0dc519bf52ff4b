#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

/// Locale-free helpers for the ASCII parts of HTTP (RFC 9110 section 5.6).
namespace wsidecar::proto {

inline constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
inline constexpr bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// A table of the characters for which a function holds, so that each character of a request head takes one look-up.
class char_set {
public:
    explicit constexpr char_set(bool (*has)(char)) {
        for (unsigned c = 0; c < table_.size(); ++c) {
            table_[c] = has(static_cast<char>(c));
        }
    }
    constexpr bool operator()(char c) const { return table_[static_cast<unsigned char>(c)]; }

private:
    std::array<bool, 256> table_{};
};

/// Whether the character is a tchar (RFC 9110 section 5.6.2).
inline constexpr char_set is_token_char([](char c) {
    return is_digit(c) || is_alpha(c) || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
});

inline bool is_token(std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return is_token_char(c); });
}

inline bool iequals(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return x == y || lower(x) == lower(y); });
}

inline bool istarts_with(std::string_view s, std::string_view prefix) {
    return s.size() >= prefix.size() && iequals(s.substr(0, prefix.size()), prefix);
}

inline std::string to_lower(std::string_view s) {
    std::string out(s);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

/// The text without optional white space (SP, HTAB) at both ends.
inline std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) {
        s.remove_prefix(1);
    }
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) {
        s.remove_suffix(1);
    }
    return s;
}

/// Calls f(element) for each trimmed, non-empty element of a list with this separator. Quoted strings are not supported.
template <class F>
void each_element(std::string_view list, char separator, F f) {
    while (!list.empty()) {
        const auto end = std::min(list.find(separator), list.size());
        if (const auto element = trim(list.substr(0, end)); !element.empty()) {
            f(element);
        }
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

}  // namespace wsidecar::proto
