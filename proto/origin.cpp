#include "proto/origin.hpp"

#include <algorithm>
#include <charconv>

#include "proto/ascii.hpp"

namespace wsidecar::proto {

namespace {

struct authority {
    std::string_view host;
    std::optional<std::uint16_t> port;
};

std::optional<authority> parse_authority(std::string_view s) {
    authority a;
    const auto bracket = s.starts_with('[') ? s.find(']') : 0;
    if (bracket == std::string_view::npos) {
        return std::nullopt;
    }
    const auto colon = s.find(':', bracket);
    a.host = s.substr(0, colon);
    if (bracket != 0 && a.host.size() != bracket + 1) {
        return std::nullopt;
    }
    if (colon != std::string_view::npos) {
        const auto digits = s.substr(colon + 1);
        std::uint16_t port = 0;
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (digits.empty() || ec != std::errc() || end != digits.data() + digits.size()) {
            return std::nullopt;
        }
        a.port = port;
    }
    const bool plain = std::all_of(a.host.begin(), a.host.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("-._~[]:").find(c) != std::string_view::npos;
    });
    return !a.host.empty() && plain ? std::optional(a) : std::nullopt;
}

std::uint16_t default_port(std::string_view scheme) {
    return scheme == "https" || scheme == "wss" ? 443 : scheme == "http" || scheme == "ws" ? 80 : 0;
}

}  // namespace

std::optional<origin_policy::site> origin_policy::parse(std::string_view origin) {
    const auto mark = origin.find("://");
    if (mark == std::string_view::npos || mark == 0) {
        return std::nullopt;
    }
    const auto scheme = origin.substr(0, mark);
    const bool plain = is_alpha(scheme[0]) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
                           return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
                       });
    const auto a = parse_authority(origin.substr(mark + 3));
    if (!plain || !a) {
        return std::nullopt;
    }
    site s{to_lower(scheme), to_lower(a->host), 0};
    s.port = a->port.value_or(default_port(s.scheme));
    return s;
}

/// A Host without a port has that of the page's scheme: TLS may have ended in front of us.
bool origin_policy::same_host(const site& s, std::string_view host) {
    const auto a = parse_authority(host);
    return a && iequals(a->host, s.host) && a->port.value_or(default_port(s.scheme)) == s.port;
}

result<origin_policy> origin_policy::compile(std::span<const std::string> values) {
    origin_policy p;
    if (values.size() == 1 && (values[0] == "same" || values[0] == "*")) {
        p.kind_ = values[0] == "*" ? kind::any : kind::same;
        return p;
    }
    p.kind_ = kind::list;
    for (const auto& v : values) {
        if (v == "null") {
            p.null_listed_ = true;
            continue;
        }
        auto s = parse(v);
        if (!s) {
            return problem{"bad_origin", "an origin is like https://shop.example or http://localhost:3000, without a path"};
        }
        p.list_.push_back(std::move(*s));
    }
    return p;
}

result<void> origin_policy::check(bool has_credentials, std::span<const std::string_view> origins, std::string_view host,
                                  std::string_view forwarded_host) const {
    if (origins.size() > 1) {
        return problem{"origin_repeated", "more than one Origin header"};
    }
    if (kind_ == kind::any || !has_credentials) {
        return {};
    }
    if (origins.empty()) {
        if (kind_ == kind::same) {
            return {};
        }
        return problem{"origin_missing", "no Origin, and the setting 'origins' is a list"};
    }
    const auto origin = origins[0];
    if (origin == "null") {
        if (kind_ == kind::list && null_listed_) {
            return {};
        }
        return problem{"origin_not_listed", "the origin is null, which the setting 'origins' does not list"};
    }
    const auto s = parse(origin);
    if (!s) {
        return problem{"origin_malformed", "the Origin header is malformed"};
    }
    if (kind_ == kind::list) {
        if (std::find(list_.begin(), list_.end(), *s) != list_.end()) {
            return {};
        }
        return problem{"origin_not_listed", "the origin is not in the setting 'origins'"};
    }
    if (same_host(*s, host) || same_host(*s, trim(forwarded_host.substr(0, forwarded_host.find(','))))) {
        return {};
    }
    return problem{"origin_not_same", "the origin's host is not that of Host or X-Forwarded-Host; see the setting 'origins'"};
}

}  // namespace wsidecar::proto
