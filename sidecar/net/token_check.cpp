#include "sidecar/net/token_check.hpp"

#include <algorithm>

#include "proto/http/header_filter.hpp"
#include "proto/http/webhook_signature.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/percent.hpp"

namespace wsidecar::net {
namespace {

/// The name of RFC 6750 section 2.3.
constexpr std::string_view usual_name = "access_token";

/// The first part `name=value` of a text whose parts have this character between them; its value.
std::string_view value_in(std::string_view text, char between, std::string_view name) {
    while (!text.empty()) {
        const auto part = proto::trim(text.substr(0, text.find(between)));
        text.remove_prefix(std::min(text.find(between), text.size() - 1) + 1);
        if (part.size() > name.size() && part[name.size()] == '=' && part.starts_with(name)) {
            return part.substr(name.size() + 1);
        }
    }
    return {};
}

/// RFC 6750 section 2.1. With two Authorization lines it is unclear which one counts, so both are ignored.
std::string_view bearer_of(const proto::request_head& head) {
    constexpr std::string_view scheme = "Bearer ";
    const auto lines = head.values("Authorization");
    if (lines.size() != 1 || !proto::istarts_with(lines.front(), scheme)) {
        return {};
    }
    return proto::trim(lines.front().substr(scheme.size()));
}

result<proto::jwt::key_set> keys_of(const config::jwt& c) {
    if (!c.jwks_file.empty()) {
        return proto::jwt::key_set::from_jwks(c.jwks);
    }
    std::vector<std::string> secrets;
    for (const auto& line : c.secrets) {
        auto key = proto::webhook_key(line);
        if (!key) {
            return key.error();
        }
        secrets.push_back(std::move(*key));
    }
    return proto::jwt::key_set::from_secrets(secrets);
}

}  // namespace

result<token_check> token_check::compile(const config::jwt& c) {
    auto keys = keys_of(c);
    if (!keys) {
        return keys.error();
    }
    token_check out;
    out.keys_ = std::move(*keys);
    out.rules_.issuer = c.issuer;
    out.rules_.audience = c.audience;
    out.rules_.user = c.user;
    out.rules_.groups = c.groups;
    out.rules_.leeway = c.leeway;
    for (const auto& text : c.from) {
        const auto colon = text.find(':');
        const auto kind = text.substr(0, colon);
        using what = place::kind;
        place p{kind == "cookie"        ? what::cookie
                : kind == "subprotocol" ? what::subprotocol
                : kind == "query"       ? what::query
                                        : what::header,
                std::string(colon == std::string::npos ? usual_name : std::string_view(text).substr(colon + 1))};
        out.places_.push_back(std::move(p));
    }
    return out;
}

std::optional<std::string> token_check::problem_of(const config::jwt& c) {
    const auto keys = keys_of(c);
    return keys ? std::nullopt : std::optional<std::string>(keys.error().detail);
}

std::string token_check::token_at(const place& p, const proto::request_head& head) {
    switch (p.what) {
        case place::kind::header: return std::string(bearer_of(head));
        case place::kind::cookie: {
            const std::string all = proto::cookie_of(head);
            auto value = value_in(all, ';', p.name);
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
                value = value.substr(1, value.size() - 2);
            }
            return std::string(value);
        }
        case place::kind::query: {
            const auto mark = head.target.find('?');
            const auto query = mark == std::string_view::npos ? std::string_view() : head.target.substr(mark + 1);
            return proto::percent_decode(value_in(query, '&', p.name));
        }
        case place::kind::subprotocol: break;
    }
    const std::string offered = head.joined("Sec-WebSocket-Protocol", ",");
    for (std::string_view rest = offered; !rest.empty();) {
        const auto one = proto::trim(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
        if (proto::jwt::looks_like_token(one)) {
            return std::string(one);
        }
    }
    return {};
}

result<proto::jwt::claims> token_check::check(const proto::request_head& head,
                                              std::chrono::system_clock::time_point now) const {
    for (const auto& p : places_) {
        if (const auto token = token_at(p, head); !token.empty()) {
            return proto::jwt::check(token, keys_, rules_, now);
        }
    }
    return problem{"jwt_missing", "a token is needed here: see the setting `jwt.from`"};
}

std::string_view token_check::answer_to(const std::vector<std::string>& offered) {
    const auto token = std::find_if(offered.begin(), offered.end(), proto::jwt::looks_like_token);
    if (token == offered.end()) {
        return {};
    }
    return token != offered.begin() && proto::iequals(token[-1], "bearer") ? token[-1] : *token;
}

}  // namespace wsidecar::net
