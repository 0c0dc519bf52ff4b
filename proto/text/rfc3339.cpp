#include "proto/text/rfc3339.hpp"

#include <algorithm>

namespace wsidecar::proto {
namespace {

using namespace std::chrono;

// The clock counts nanoseconds in 64 bits, from September 1677 to April 2262: what is beyond ("never") stays as far away.
// Not to its very ends: calculating from there would overflow.
constexpr sys_time<microseconds> earliest = sys_days{year{1678} / January / 1};
constexpr sys_time<microseconds> latest = sys_days{year{2262} / January / 1};

/// Reads exactly `n` digits at the front.
std::optional<int> digits(std::string_view& s, std::size_t n) {
    if (s.size() < n) {
        return std::nullopt;
    }
    int v = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (s[i] < '0' || s[i] > '9') {
            return std::nullopt;
        }
        v = v * 10 + (s[i] - '0');
    }
    s.remove_prefix(n);
    return v;
}

bool literal(std::string_view& s, std::string_view any_of) {
    if (s.empty() || any_of.find(s.front()) == std::string_view::npos) {
        return false;
    }
    s.remove_prefix(1);
    return true;
}

std::optional<microseconds> fraction(std::string_view& s) {
    if (!literal(s, ".")) {
        return microseconds{0};
    }
    std::int64_t v = 0;
    int n = 0;
    for (; !s.empty() && s.front() >= '0' && s.front() <= '9'; s.remove_prefix(1), ++n) {
        if (n < 6) {
            v = v * 10 + (s.front() - '0');
        }
    }
    for (int i = n; i < 6; ++i) {
        v *= 10;
    }
    return n == 0 ? std::nullopt : std::optional(microseconds{v});
}

std::optional<minutes> offset(std::string_view& s) {
    if (literal(s, "Zz")) {
        return minutes{0};
    }
    const bool west = !s.empty() && s.front() == '-';
    if (!literal(s, "+-")) {
        return std::nullopt;
    }
    const auto h = digits(s, 2);
    if (!h || !literal(s, ":")) {
        return std::nullopt;
    }
    const auto m = digits(s, 2);
    if (!m || *h > 23 || *m > 59) {
        return std::nullopt;
    }
    const minutes total{*h * 60 + *m};
    return west ? -total : total;
}

}  // namespace

std::string format_rfc3339(system_clock::time_point t) {
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<milliseconds>(t - day)};
    // By hand: every event has one, and snprintf takes longer than all the rest of its head.
    std::string out = "0000-00-00T00:00:00.000Z";
    const auto put = [&out](std::size_t last, auto value) {
        for (auto v = static_cast<unsigned>(value); v != 0; v /= 10) {
            out[last--] = static_cast<char>('0' + v % 10);
        }
    };
    put(3, static_cast<int>(date.year()));
    put(6, static_cast<unsigned>(date.month()));
    put(9, static_cast<unsigned>(date.day()));
    put(12, time.hours().count());
    put(15, time.minutes().count());
    put(18, time.seconds().count());
    put(22, time.subseconds().count());
    return out;
}

std::optional<system_clock::time_point> parse_rfc3339(std::string_view s) {
    const auto y = digits(s, 4);
    if (!y || !literal(s, "-")) {
        return std::nullopt;
    }
    const auto mo = digits(s, 2);
    if (!mo || !literal(s, "-")) {
        return std::nullopt;
    }
    const auto d = digits(s, 2);
    if (!d || !literal(s, "Tt ")) {
        return std::nullopt;
    }
    const auto h = digits(s, 2);
    if (!h || !literal(s, ":")) {
        return std::nullopt;
    }
    const auto mi = digits(s, 2);
    if (!mi || !literal(s, ":")) {
        return std::nullopt;
    }
    const auto sec = digits(s, 2);
    if (!sec) {
        return std::nullopt;
    }
    const auto part = fraction(s);
    const auto zone = offset(s);
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
    if (!part || !zone || !s.empty() || !date.ok() || *h > 23 || *mi > 59 || *sec > 60) {
        return std::nullopt;
    }
    const sys_time<microseconds> exact = sys_days{date} + hours{*h} + minutes{*mi} + seconds{*sec} + *part - *zone;
    return std::clamp(exact, earliest, latest);
}

}  // namespace wsidecar::proto
