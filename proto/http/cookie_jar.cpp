#include "proto/http/cookie_jar.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto {
namespace {

constexpr std::size_t max_cookie = 8 * 1024;

std::optional<std::time_t> http_date(std::string_view text) {
    const std::string s(text);
    for (const char* format : {"%a, %d %b %Y %H:%M:%S", "%a, %d-%b-%Y %H:%M:%S", "%a, %d-%b-%y %H:%M:%S"}) {
        std::tm tm{};
        if (strptime(s.c_str(), format, &tm) != nullptr) {
            return timegm(&tm);
        }
    }
    return std::nullopt;
}

/// Max-Age wins over Expires.
bool gone(std::string_view attributes, std::time_t now) {
    std::optional<bool> by_age;
    std::optional<bool> by_date;
    while (!attributes.empty()) {
        const auto end = attributes.find(';');
        const auto part = trim(attributes.substr(0, end));
        attributes.remove_prefix(end == std::string_view::npos ? attributes.size() : end + 1);
        const auto equals = part.find('=');
        const auto name = trim(part.substr(0, equals));
        const auto value = equals == std::string_view::npos ? std::string_view{} : trim(part.substr(equals + 1));
        if (iequals(name, "max-age")) {
            by_age = value.starts_with('-') || (!value.empty() && value.find_first_not_of('0') == std::string_view::npos);
        } else if (iequals(name, "expires")) {
            if (const auto t = http_date(value)) {
                by_date = *t <= now;
            }
        }
    }
    return by_age.value_or(by_date.value_or(false));
}

}  // namespace

bool apply_set_cookie(std::string& cookie, std::string_view set, std::chrono::system_clock::time_point now) {
    const auto end = set.find(';');
    const auto pair = trim(set.substr(0, end));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 ||
        std::any_of(pair.begin(), pair.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
        return false;
    }
    const auto name = trim(pair.substr(0, equals));
    std::string kept;
    for (std::string_view rest = cookie; !rest.empty();) {
        const auto stop = rest.find(';');
        const auto one = trim(rest.substr(0, stop));
        rest.remove_prefix(stop == std::string_view::npos ? rest.size() : stop + 1);
        if (!one.empty() && trim(one.substr(0, one.find('='))) != name) {
            kept += kept.empty() ? "" : "; ";
            kept += one;
        }
    }
    const auto attributes = end == std::string_view::npos ? std::string_view{} : set.substr(end + 1);
    if (!gone(attributes, std::chrono::system_clock::to_time_t(now))) {
        kept += kept.empty() ? "" : "; ";
        kept += pair;
    }
    if (kept.size() > max_cookie) {
        return false;
    }
    cookie = std::move(kept);
    return true;
}

}  // namespace wsidecar::proto
