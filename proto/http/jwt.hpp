#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto::jwt {

/// The supported algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1). A key has exactly one of them, whatever a token's header
/// says. So no public key can serve as an HMAC secret, and `none` is no algorithm.
enum class algorithm : std::uint8_t { hs256, rs256, es256, eddsa };

/// Keys that verify signatures. The object is immutable, and copies share the keys.
class key_set {
public:
    /// Reads a JSON Web Key Set (RFC 7517) of at most 100 keys: RSA of at least 2048 bits, EC on P-256, OKP on Ed25519, and oct of at
    /// least 32 bytes. Keys of other types, uses or algorithms are ignored (section 5). Reason bad_jwks: the set cannot be read, a key is
    /// broken or too short, or no key is left.
    static result<key_set> from_jwks(std::string_view json);
    /// Makes an HS256 key of each secret, which has at least 32 bytes (RFC 7518 section 3.2). Reason: bad_secret.
    static result<key_set> from_secrets(const std::vector<std::string>& secrets);

    std::size_t size() const { return keys_.size(); }
    /// Whether any key has this algorithm.
    bool has(algorithm a) const;
    /// Whether there is a key with this id.
    bool knows(std::string_view id) const;
    /// Whether one of the keys has signed these bytes. With `id` (`kid`), only keys with that id or else keys without an id are tried.
    bool verifies(algorithm a, const std::optional<std::string>& id, std::string_view bytes, std::string_view signature) const;

private:
    struct key;
    std::vector<std::shared_ptr<const key>> keys_;
};

/// What a token must satisfy besides its signature.
struct rules {
    std::string issuer;  ///< must equal `iss`; empty: `iss` is not checked
    std::vector<std::string>
        audience;              ///< one of them must be in `aud`; empty: a token with `aud` is rejected (RFC 7519 section 4.1.3)
    std::string user = "sub";  ///< the claim that names the user, or a JSON Pointer to it; empty for none
    std::string groups;        ///< the claim with a name or an array of names, or a JSON Pointer to it; empty for none
    std::chrono::milliseconds leeway{30'000};  ///< how much the issuer's clock may differ
};

/// The contents of a valid token.
struct claims {
    std::string user;                 ///< empty if the rules name no claim
    std::vector<std::string> groups;  ///< also empty if the token has no such claim
    /// When the token expires; nullopt if never. If a token was accepted within the leeway after its `exp`, it expires when the leeway
    /// ends.
    std::optional<std::chrono::system_clock::time_point> until;
};

/// Checks a JSON Web Token in the compact serialization of a JSON Web Signature (RFC 7515 section 7.1, RFC 7519 section 7.2), at
/// most 8 KiB. Of the header, only `alg` and `kid` are used; keys that the token contains or refers to (jwk, jku, x5c, x5u) are ignored.
/// Reasons: jwt_malformed (not three parts of base64url, not JSON, repeated members, `crit`), jwt_algorithm (no key has it), jwt_key
/// (no key has this `kid`), jwt_signature, jwt_expired, jwt_not_yet, jwt_issuer, jwt_audience, jwt_claims (the user is missing or is not
/// a valid name, or a claim has the wrong type).
result<claims> check(std::string_view token, const key_set& keys, const rules& wanted,
                     std::chrono::system_clock::time_point now);

/// Whether the text looks like a token: three parts of base64url, the first of which is a JSON object.
bool looks_like_token(std::string_view text);

}  // namespace wsidecar::proto::jwt
