#include "proto/http/jwt.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "proto/json/json_pointer.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/name.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto::jwt {
namespace {

using time_point = std::chrono::system_clock::time_point;

constexpr std::size_t max_token = 8 * 1024;
constexpr problem malformed{"jwt_malformed", "the token is no JSON Web Token in compact form"};
constexpr problem bad_claims{"jwt_claims", "a claim of the token is missing or of the wrong type"};

struct parts {
    std::string_view header;
    std::string_view claims;
    std::string_view signature;
    std::string_view signed_bytes;  ///< header and claims, as they stand
};

std::optional<parts> split(std::string_view token) {
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
        return std::nullopt;  // five parts are an encrypted one (RFC 7516)
    }
    return parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
                 token.substr(0, second)};
}

/// A JSON object whose members are each there once (RFC 7515 section 4, RFC 7519 section 4).
class object {
public:
    bool read(std::string text) {
        text_ = std::move(text);
        const auto all = valid_utf8(text_) ? json_members(text_) : std::nullopt;
        for (std::size_t i = 0; all && i < all->size(); ++i) {
            auto name = json_string((*all)[i].first);
            if (!name) {
                return false;
            }
            members_.emplace_back(std::move(*name), (*all)[i].second);
        }
        // Sorted: nobody has proved yet who writes a header, and it may have a thousand members.
        std::sort(members_.begin(), members_.end());
        const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
        return all.has_value() && std::adjacent_find(members_.begin(), members_.end(), same_name) == members_.end();
    }
    std::optional<std::string_view> find(std::string_view name) const {
        const auto before = [](const auto& m, std::string_view n) { return m.first < n; };
        const auto it = std::lower_bound(members_.begin(), members_.end(), name, before);
        return it == members_.end() || it->first != name ? std::nullopt : std::optional(it->second);
    }
    /// By its name, or by a JSON Pointer, which begins with a slash.
    std::optional<std::string_view> claim(const std::string& named) const {
        return named.starts_with('/') ? find_pointer(text_, named) : find(named);
    }

private:
    std::string text_;
    std::vector<std::pair<std::string, std::string_view>> members_;
};

/// A NumericDate (RFC 7519 section 2), within what a clock here can say.
std::optional<time_point> date(std::string_view raw) {
    constexpr double latest = 8.0e9;  // the year 2223: system_clock counts nanoseconds
    double seconds = 0;
    const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), seconds);
    const bool too_large = error == std::errc::result_out_of_range;
    if ((error != std::errc() && !too_large) || end != raw.data() + raw.size() || raw.empty()) {
        return std::nullopt;
    }
    // What is too small to be a double has a negative exponent; what is too large has none.
    if (too_large) {
        const bool tiny = raw.find("e-") != raw.npos || raw.find("E-") != raw.npos;
        seconds = tiny ? 0 : raw.front() == '-' ? -latest : latest;
    }
    return time_point(
        std::chrono::duration_cast<time_point::duration>(std::chrono::duration<double>(std::clamp(seconds, -latest, latest))));
}

std::optional<algorithm> algorithm_named(const std::optional<std::string>& name) {
    constexpr std::array<std::pair<std::string_view, algorithm>, 4> known{
        {{"HS256", algorithm::hs256}, {"RS256", algorithm::rs256}, {"ES256", algorithm::es256}, {"EdDSA", algorithm::eddsa}}};
    const auto it = std::find_if(known.begin(), known.end(), [&](const auto& k) { return name == k.first; });
    return it == known.end() ? std::nullopt : std::optional(it->second);
}

/// A name as wsidecar has them: of a string, or of a number as it stands.
std::optional<std::string> name_of(std::string_view raw) {
    if (raw == "true" || raw == "false") {
        return std::nullopt;
    }
    auto name = scalar_text(raw);
    return name && valid_name(*name) ? std::move(name) : std::nullopt;
}

bool is_for(const object& token, const std::vector<std::string>& audience) {
    const auto aud = token.find("aud");
    if (!aud) {
        return audience.empty();
    }
    const auto wanted = [&](std::string_view raw) {
        const auto one = json_string(raw);
        return one && std::find(audience.begin(), audience.end(), *one) != audience.end();
    };
    const auto several = json_elements(*aud);
    return several ? std::any_of(several->begin(), several->end(), wanted) : wanted(*aud);
}

std::optional<problem> check_times(const object& token, const rules& wanted, time_point now, claims& to) {
    if (const auto exp = token.find("exp")) {
        const auto when = date(*exp);
        if (!when) {
            return bad_claims;
        }
        if (now >= *when + wanted.leeway) {
            return problem{"jwt_expired", "the token has expired"};
        }
        to.until = now < *when ? *when : *when + wanted.leeway;
    }
    if (const auto nbf = token.find("nbf")) {
        const auto when = date(*nbf);
        if (!when) {
            return bad_claims;
        }
        if (now + wanted.leeway < *when) {
            return problem{"jwt_not_yet", "the token is not valid yet"};
        }
    }
    return std::nullopt;
}

std::optional<problem> take_names(const object& token, const rules& wanted, claims& to) {
    if (!wanted.user.empty()) {
        const auto raw = token.claim(wanted.user);
        auto name = raw ? name_of(*raw) : std::nullopt;
        if (!name) {
            return bad_claims;
        }
        to.user = std::move(*name);
    }
    const auto groups = wanted.groups.empty() ? std::nullopt : token.claim(wanted.groups);
    if (!groups || *groups == "null") {
        return std::nullopt;
    }
    const auto several = json_elements(*groups);
    for (const auto raw : several ? *several : std::vector<std::string_view>{*groups}) {
        auto name = name_of(raw);
        if (!name) {
            return bad_claims;
        }
        if (std::find(to.groups.begin(), to.groups.end(), *name) == to.groups.end()) {
            to.groups.push_back(std::move(*name));
        }
    }
    return std::nullopt;
}

}  // namespace

result<claims> check(std::string_view token, const key_set& keys, const rules& wanted, time_point now) {
    const auto p = token.size() > max_token ? std::nullopt : split(token);
    if (!p) {
        return malformed;
    }
    auto header_text = base64url_decode(p->header);
    auto claims_text = base64url_decode(p->claims);
    const auto signature = base64url_decode(p->signature);
    object header;
    if (!header_text || !claims_text || !signature || !header.read(std::move(*header_text)) || header.find("crit")) {
        return malformed;  // no extension is understood that could be critical (RFC 7515 section 4.1.11)
    }
    const auto alg = header.find("alg");
    const auto algorithm = algorithm_named(alg ? json_string(*alg) : std::nullopt);
    if (!algorithm || !keys.has(*algorithm)) {
        return problem{"jwt_algorithm", "the token's algorithm is not one that a key here is for"};
    }
    std::optional<std::string> id;
    if (const auto kid = header.find("kid")) {
        id = json_string(*kid);
        if (!id) {
            return malformed;
        }
        if (!keys.knows(*id)) {
            return problem{"jwt_key", "no key here has the token's kid"};
        }
    }
    if (!keys.verifies(*algorithm, id, p->signed_bytes, *signature)) {
        return problem{"jwt_signature", "the token's signature is wrong"};
    }
    // Nothing of the claims is looked at before.
    object token_claims;
    if (!token_claims.read(std::move(*claims_text))) {
        return malformed;
    }
    claims out;
    if (auto wrong = check_times(token_claims, wanted, now, out)) {
        return *wrong;
    }
    const auto iss = token_claims.find("iss");
    if (!wanted.issuer.empty() && (!iss || json_string(*iss) != wanted.issuer)) {
        return problem{"jwt_issuer", "the token is of another issuer"};
    }
    if (!is_for(token_claims, wanted.audience)) {
        return problem{"jwt_audience", "the token is for another audience"};
    }
    if (auto wrong = take_names(token_claims, wanted, out)) {
        return *wrong;
    }
    return out;
}

bool looks_like_token(std::string_view text) {
    const auto p = split(text);
    const auto all = [](std::string_view part) {
        return std::all_of(part.begin(), part.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
    };
    return p && p->header.starts_with("ey") && all(p->header) && all(p->claims) && all(p->signature) && !p->claims.empty();
}

}  // namespace wsidecar::proto::jwt
