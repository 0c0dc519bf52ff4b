#include "proto/http/origin.hpp"

#include <algorithm>

#include "proto/text/ascii.hpp"
#include "proto/text/host_port.hpp"

namespace wsidecar::proto {

namespace {

/// Host and port with the characters that a host may have.
std::optional<host_port> parse_authority(std::string_view s) {
    const auto a = split_host_port(s);
    const bool plain = a && std::all_of(a->host.begin(), a->host.end(), [](char c) {
                           return is_alpha(c) || is_digit(c) || std::string_view("-._~:").find(c) != std::string_view::npos;
                       });
    return plain ? a : std::nullopt;
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
    site s{to_lower(scheme), {}, 0};
    if (plain && s.scheme == "file" && origin.size() == mark + 3) {
        return s;  // pages of files, in WebViews, have no host
    }
    const auto a = parse_authority(origin.substr(mark + 3));
    if (!plain || !a) {
        return std::nullopt;
    }
    s.host = to_lower(a->host);
    s.port = a->port.value_or(default_port(s.scheme));
    return s;
}

bool origin_policy::is_same(const site& s, const page_request& r) {
    if ((s.scheme != "https" && s.scheme != "http") || (!r.scheme.empty() && s.scheme != r.scheme)) {
        return false;
    }
    const auto port = split_host_port("x:" + std::string(r.forwarded_port));
    // A host without a port has that of the page's scheme: TLS may have ended in front of us.
    const auto named = [&](std::string_view host, std::optional<std::uint16_t> otherwise) {
        const auto a = parse_authority(host);
        return a && iequals(a->host, s.host) && a->port.value_or(otherwise.value_or(default_port(s.scheme))) == s.port;
    };
    const auto forwarded = port ? port->port : std::nullopt;
    const auto host = r.forwarded_host.empty() ? r.host : r.forwarded_host;
    return named(r.host, std::nullopt) || named(host, std::nullopt) || named(host, forwarded);
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
            return problem{
                "bad_origin",
                "an origin is like https://shop.example, http://localhost:3000 or capacitor://localhost, without a path"};
        }
        p.list_.push_back(std::move(*s));
    }
    return p;
}

result<void> origin_policy::check(const page_request& r) const {
    if (r.origins.size() > 1) {
        return problem{"origin_repeated", "more than one Origin header"};
    }
    if (kind_ == kind::any || !r.has_credentials) {
        return {};
    }
    if (r.origins.empty()) {
        if (kind_ == kind::list) {
            return problem{"origin_missing", "no Origin, and the setting 'origins' is a list"};
        }
        if (iequals(r.fetch_site, "cross-site") || iequals(r.fetch_site, "same-site")) {
            return problem{"origin_not_same", "Sec-Fetch-Site says that another site's page asks; see the setting 'origins'"};
        }
        return {};
    }
    const auto origin = r.origins[0];
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
    if (is_same(*s, r)) {
        return {};
    }
    return problem{"origin_not_same",
                   "the origin's scheme, host and port are not those of Host or X-Forwarded-Proto, -Host and -Port; see the "
                   "setting 'origins'"};
}

}  // namespace wsidecar::proto
