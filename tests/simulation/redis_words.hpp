#pragma once

// What the commands' implementations share.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "tests/simulation/redis_model.hpp"

namespace wsidecar::simulation {

inline reply wrong_type() {
    return reply::error("WRONGTYPE Operation against a key holding the wrong kind of value");
}
inline reply syntax_error() {
    return reply::error("ERR syntax error");
}
inline reply not_integer() {
    return reply::error("ERR value is not an integer or out of range");
}
inline reply not_float() {
    return reply::error("ERR value is not a valid float");
}

inline std::optional<std::int64_t> integer_in(std::string_view s) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
    const bool canonical =
        !s.empty() && (s.size() == 1 || s[0] != '0') && s != "-0" && !(s.size() > 1 && s[0] == '-' && s[1] == '0');
    return ec == std::errc{} && end == s.data() + s.size() && canonical ? std::optional(n) : std::nullopt;
}

inline std::optional<double> double_in(const std::string& s) {
    if (s.empty() || std::isspace(static_cast<unsigned char>(s[0]))) {
        return std::nullopt;
    }
    char* end = nullptr;
    const double d = std::strtod(s.c_str(), &end);
    return end == s.c_str() + s.size() && !std::isnan(d) ? std::optional(d) : std::nullopt;
}

inline std::string upper(std::string_view s) {
    std::string out(s);
    for (char& c : out) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return out;
}

/// `from` and `to` as Redis takes them (negative: from the end), made [from, to). Empty: from >= to.
inline std::pair<std::int64_t, std::int64_t> range_of(std::int64_t from, std::int64_t to, std::int64_t size) {
    from = from < 0 ? std::max<std::int64_t>(0, size + from) : from;
    to = to < 0 ? size + to : to;
    return {from, std::min(to + 1, size)};
}

/// The value of this type; null when there is none. `wrong`: it has another type.
template <class T>
const T* read(redis_model& r, const std::string& key, bool& wrong) {
    const auto* v = r.keys().find(key);
    if (v == nullptr) {
        return nullptr;
    }
    const auto* t = std::get_if<T>(&v->data);
    wrong = wrong || t == nullptr;
    return t;
}

template <class T>
T& change(redis_model& r, const std::string& key) {
    return std::get<T>(r.keys().make<T>(key).data);
}

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace wsidecar::simulation
