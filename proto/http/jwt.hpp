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

/// The algorithms that are understood (RFC 7518 section 3.1, RFC 8037 section 3.1). A key has exactly one of them, whatever a
/// token's header says: so no public key ever serves as an HMAC secret, and `none` is no algorithm.
enum class algorithm : std::uint8_t { hs256, rs256, es256, eddsa };

/// Keys that verify signatures. Immutable; copies share them.
class key_set {
public:
    /// A JSON Web Key Set (RFC 7517), at most 100 keys. RSA of 2048 bits and more, EC on P-256, OKP on Ed25519, and oct of 32
    /// bytes and more. Keys of other types, uses or algorithms are passed over (section 5). Reason bad_jwks: it can't be
    /// read, a key is broken or too short, or none is left.
    static result<key_set> from_jwks(std::string_view json);
    /// HS256 with each of these secrets, as bytes of at least 32 (RFC 7518 section 3.2). Reason bad_secret.
    static result<key_set> from_secrets(const std::vector<std::string>& secrets);

    std::size_t size() const { return keys_.size(); }
    /// Whether some key is of this algorithm.
    bool has(algorithm a) const;
    /// Whether a key with this id is here.
    bool knows(std::string_view id) const;
    /// Whether one of the keys has signed these bytes. `id` (`kid`): those that have it, else those that have none; absent: all.
    bool verifies(algorithm a, const std::optional<std::string>& id, std::string_view bytes, std::string_view signature) const;

private:
    struct key;
    std::vector<std::shared_ptr<const key>> keys_;
};

/// What is asked of a token besides its signature.
struct rules {
    std::string issuer;  ///< equal to `iss`; empty: not looked at
    std::vector<std::string>
        audience;              ///< one of them is in `aud`; empty: a token with `aud` is for somebody else (RFC 7519 4.1.3)
    std::string user = "sub";  ///< claim that names the user, or a JSON Pointer to it; empty: none
    std::string groups;        ///< claim with a name or an array of names, or a JSON Pointer to it; empty: none
    std::chrono::milliseconds leeway{30'000};  ///< how far the issuer's clock may be off
};

/// What a token that passed says.
struct claims {
    std::string user;                 ///< empty: rules named no claim
    std::vector<std::string> groups;  ///< empty also when the claim is not there
    /// When it is no longer to be honoured; absent: never. A token that is past its `exp` and was taken within the leeway
    /// is honoured to the leeway's end.
    std::optional<std::chrono::system_clock::time_point> until;
};

/// Checks a JSON Web Token in the compact serialization of a JSON Web Signature (RFC 7515 section 7.1, RFC 7519 section 7.2), at
/// most 8 KiB. Nothing of the header is trusted but `alg` and `kid`: keys that it brings along (jwk, jku, x5c, x5u) are not used.
/// Reasons: jwt_malformed (no three parts of base64url, no JSON, repeated members, `crit`), jwt_algorithm (not one that a key
/// has), jwt_key (no key has this `kid`), jwt_signature, jwt_expired, jwt_not_yet, jwt_issuer, jwt_audience, jwt_claims (the user
/// is missing or no name, a claim is of the wrong type).
result<claims> check(std::string_view token, const key_set& keys, const rules& wanted,
                     std::chrono::system_clock::time_point now);

/// Whether the text has the shape of one: three parts of base64url, the first a JSON object's.
bool looks_like_token(std::string_view text);

}  // namespace wsidecar::proto::jwt
