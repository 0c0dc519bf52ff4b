#include "sidecar/net/session_owner.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <vector>

#include "proto/http/cookie_jar.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/ids.hpp"

namespace wsidecar::net {
namespace {

constexpr std::string_view secret_name = "wsidecar-sockjs";

using pairs = std::vector<std::string_view>;

std::string_view name_of(std::string_view pair) {
    return proto::trim(pair.substr(0, pair.find('=')));
}

/// `name=value` of a Cookie header, sorted, without our own.
pairs pairs_of(std::string_view cookie) {
    pairs out;
    while (!cookie.empty()) {
        const auto end = std::min(cookie.find(';'), cookie.size());
        const auto pair = proto::trim(cookie.substr(0, end));
        cookie.remove_prefix(std::min(end + 1, cookie.size()));
        if (!pair.empty() && name_of(pair) != secret_name) {
            out.push_back(pair);
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string_view secret_in(std::string_view cookie) {
    while (!cookie.empty()) {
        const auto end = std::min(cookie.find(';'), cookie.size());
        const auto pair = proto::trim(cookie.substr(0, end));
        cookie.remove_prefix(std::min(end + 1, cookie.size()));
        if (name_of(pair) == secret_name && pair.size() > secret_name.size()) {
            return pair.substr(secret_name.size() + 1);
        }
    }
    return {};
}

bool same_secret(std::string_view a, std::string_view b) {
    return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The pairs of `jar` that have the names of `first`: those values as they are now. Empty when one is gone: what the app took away,
/// at a logout, leaves too little to know anybody by.
pairs followed(const pairs& first, std::string_view jar) {
    pairs names;
    for (const auto pair : first) {
        names.push_back(name_of(pair));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    pairs out;
    pairs found;
    for (const auto pair : pairs_of(jar)) {
        if (std::binary_search(names.begin(), names.end(), name_of(pair))) {
            out.push_back(pair);
            found.push_back(name_of(pair));
        }
    }
    std::sort(found.begin(), found.end());
    return std::includes(found.begin(), found.end(), names.begin(), names.end()) ? out : pairs();
}

bool has_all(const pairs& shown, const pairs& wanted) {
    return !wanted.empty() && std::includes(shown.begin(), shown.end(), wanted.begin(), wanted.end());
}

}  // namespace

session_owner::session_owner(const proof& first)
    : address_(first.address),
      cookie_(first.cookie),
      authorization_(first.authorization),
      given_(first.cookie),
      secret_(proto::random_hex128()) {}

void session_owner::gave(const core::field_list& headers, std::chrono::system_clock::time_point now) {
    for (const auto& [name, value] : headers) {
        if (proto::iequals(name, "Set-Cookie")) {
            proto::apply_set_cookie(given_, value, now);
        }
    }
}

std::string session_owner::set_cookie(std::string_view path, bool secure, bool cross_site) const {
    std::string out(secret_name);
    out.append("=").append(secret_).append("; Path=").append(path).append("; HttpOnly");
    out += secure ? "; Secure" : "";
    // A page of an allowed origin on another site may use the session; SameSite=None is taken with Secure only.
    out += secure && cross_site ? "; SameSite=None" : "; SameSite=Lax";
    return out;
}

bool session_owner::is(const proof& who, std::string_view current) {
    if (same_secret(secret_in(who.cookie), secret_)) {
        keeps_cookies_ = true;
        return true;
    }
    if (!has_credentials()) {
        const pairs shown = pairs_of(who.cookie);
        const bool given = has_all(shown, pairs_of(given_)) || has_all(shown, pairs_of(current));
        keeps_cookies_ = keeps_cookies_ || given;
        return given || (!keeps_cookies_ && who.address == address_);
    }
    if (!authorization_.empty()) {
        return same_secret(who.authorization, authorization_);
    }
    const pairs shown = pairs_of(who.cookie);
    const pairs first = pairs_of(cookie_);
    const pairs given = followed(first, given_);
    return has_all(shown, given.empty() ? first : given) || has_all(shown, followed(first, current));
}

}  // namespace wsidecar::net
