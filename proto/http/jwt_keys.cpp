// Keys of JSON Web Tokens: read (RFC 7517, RFC 7518 section 6, RFC 8037) and used.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>

#include "proto/http/jwt.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto::jwt {
namespace {

constexpr std::size_t max_keys = 100;
constexpr std::size_t least_secret = 32;  ///< RFC 7518 section 3.2
constexpr int least_rsa_bits = 2048;      ///< section 3.3
constexpr std::size_t coordinate = 32;    ///< of P-256, and each half of its signature (section 3.4)
constexpr std::size_t ed25519_key = 32;
constexpr std::size_t ed25519_signature = 64;

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;
using public_key = owned<EVP_PKEY, EVP_PKEY_free>;
using number = owned<BIGNUM, BN_free>;

const unsigned char* bytes_of(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}

/// The parameters that `add` puts into a builder, as a key of this type; null when OpenSSL finds something wrong with them.
template <class Add>
public_key from_parameters(const char* type, Add add) {
    const owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    const owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    if (!builder || !context || !add(builder.get())) {
        return nullptr;
    }
    const owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    EVP_PKEY* key = nullptr;
    if (!parameters || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return public_key(key);
}

public_key rsa_key(std::string_view modulus, std::string_view exponent) {
    const number n(BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr));
    const number e(BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr));
    if (!n || !e || BN_num_bits(n.get()) < least_rsa_bits || !BN_is_odd(e.get()) || BN_is_one(e.get())) {
        return nullptr;
    }
    return from_parameters("RSA", [&](OSSL_PARAM_BLD* to) {
        return OSSL_PARAM_BLD_push_BN(to, OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
               OSSL_PARAM_BLD_push_BN(to, OSSL_PKEY_PARAM_RSA_E, e.get()) == 1;
    });
}

/// Of P-256. OpenSSL refuses a point that is not on the curve.
public_key ec_key(std::string_view x, std::string_view y) {
    if (x.size() != coordinate || y.size() != coordinate) {
        return nullptr;
    }
    const std::string point = std::string(1, '\x04').append(x).append(y);
    return from_parameters("EC", [&](OSSL_PARAM_BLD* to) {
        return OSSL_PARAM_BLD_push_utf8_string(to, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
               OSSL_PARAM_BLD_push_octet_string(to, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1;
    });
}

public_key ed25519(std::string_view x) {
    return x.size() != ed25519_key ? nullptr
                                   : public_key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
}

bool signed_by(EVP_PKEY* key, const EVP_MD* digest, std::string_view bytes, std::string_view signature) {
    const owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    const bool good =
        context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
        EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes), bytes.size()) == 1;
    ERR_clear_error();
    return good;
}

/// R and S side by side, as OpenSSL wants them (RFC 7518 section 3.4).
std::string as_der(std::string_view both) {
    const owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
    number r(BN_bin2bn(bytes_of(both), coordinate, nullptr));
    number s(BN_bin2bn(bytes_of(both) + coordinate, coordinate, nullptr));
    if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
        return {};
    }
    (void)r.release();
    (void)s.release();
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(signature.get(), &der);
    std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(std::max(size, 0)));
    OPENSSL_free(der);
    return out;
}

bool same_mac(std::string_view secret, std::string_view bytes, std::string_view signature) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(bytes), bytes.size(), mac.data(), &size);
    return signature.size() == size && CRYPTO_memcmp(mac.data(), signature.data(), size) == 0;
}

// ---------------------------------------------------------------------------------------------- a JSON Web Key

/// Members of one JSON Web Key, as they stand.
class members {
public:
    /// False: no object, or one with a repeated member.
    bool read(std::string_view raw) {
        const auto all = json_members(raw);
        for (std::size_t i = 0; all && i < all->size(); ++i) {
            auto name = json_string((*all)[i].first);
            if (!name || find(*name) != nullptr) {
                return false;
            }
            parts_.emplace_back(std::move(*name), (*all)[i].second);
        }
        return all.has_value();
    }
    const std::string_view* find(std::string_view name) const {
        const auto it = std::find_if(parts_.begin(), parts_.end(), [&](const auto& p) { return p.first == name; });
        return it == parts_.end() ? nullptr : &it->second;
    }
    /// Absent when it is not there, or no string.
    std::optional<std::string> text(std::string_view name) const {
        const auto* raw = find(name);
        return raw == nullptr ? std::nullopt : json_string(*raw);
    }
    /// Not there, or this string.
    bool absent_or(std::string_view name, std::string_view value) const { return find(name) == nullptr || text(name) == value; }
    /// A string of base64url as bytes; empty when there is none.
    std::string bytes(std::string_view name) const {
        const auto encoded = text(name);
        return encoded ? base64url_decode(*encoded).value_or("") : std::string();
    }

private:
    std::vector<std::pair<std::string, std::string_view>> parts_;
};

bool may_verify(const members& m) {
    const auto* operations = m.find("key_ops");
    if (operations == nullptr) {
        return m.absent_or("use", "sig");
    }
    const auto all = json_elements(*operations);
    return m.absent_or("use", "sig") && all &&
           std::any_of(all->begin(), all->end(), [](auto o) { return json_string(o) == "verify"; });
}

/// What the key is for; absent: for nothing here.
std::optional<algorithm> algorithm_of(const members& m) {
    const auto type = m.text("kty");
    const auto of = [&](algorithm a, const char* name) {
        return m.absent_or("alg", name) && may_verify(m) ? std::optional(a) : std::nullopt;
    };
    if (type == "RSA") {
        return of(algorithm::rs256, "RS256");
    }
    if (type == "EC" && m.text("crv") == "P-256") {
        return of(algorithm::es256, "ES256");
    }
    if (type == "OKP" && m.text("crv") == "Ed25519") {
        return of(algorithm::eddsa, "EdDSA");
    }
    return type == "oct" ? of(algorithm::hs256, "HS256") : std::nullopt;
}

}  // namespace

struct key_set::key {
    algorithm of{};
    std::optional<std::string> id;
    std::string secret;  ///< of hs256
    public_key pub;      ///< of the others

    bool verifies(std::string_view bytes, std::string_view signature) const {
        switch (of) {
            case algorithm::hs256: return same_mac(secret, bytes, signature);
            case algorithm::rs256: return signed_by(pub.get(), EVP_sha256(), bytes, signature);
            case algorithm::es256:
                return signature.size() == 2 * coordinate && signed_by(pub.get(), EVP_sha256(), bytes, as_der(signature));
            case algorithm::eddsa:
                return signature.size() == ed25519_signature && signed_by(pub.get(), nullptr, bytes, signature);
        }
        return false;
    }
};

result<key_set> key_set::from_jwks(std::string_view json) {
    static constexpr problem no_set{"bad_jwks", "is no JSON Web Key Set: {\"keys\": [...]}"};
    members set;
    if (!valid_utf8(json) || !set.read(json) || set.find("keys") == nullptr) {
        return no_set;
    }
    const auto all = json_elements(*set.find("keys"));
    if (!all) {
        return no_set;
    }
    if (all->size() > max_keys) {
        return problem{"bad_jwks", "has more than 100 keys"};
    }
    key_set out;
    for (const auto raw : *all) {
        members m;
        if (!m.read(raw)) {
            return problem{"bad_jwks", "has a key that is no JSON object, or has a member twice"};
        }
        const auto a = algorithm_of(m);
        if (!a) {
            continue;
        }
        auto k = std::make_shared<key>();
        k->of = *a;
        k->id = m.text("kid");
        switch (*a) {
            case algorithm::hs256: k->secret = m.bytes("k"); break;
            case algorithm::rs256: k->pub = rsa_key(m.bytes("n"), m.bytes("e")); break;
            case algorithm::es256: k->pub = ec_key(m.bytes("x"), m.bytes("y")); break;
            case algorithm::eddsa: k->pub = ed25519(m.bytes("x")); break;
        }
        if (*a == algorithm::hs256 ? k->secret.size() < least_secret : k->pub == nullptr) {
            return problem{"bad_jwks", "has a key that is broken, or too short: RSA has 2048 bits or more, oct 32 bytes"};
        }
        out.keys_.push_back(std::move(k));
    }
    if (out.keys_.empty()) {
        return problem{"bad_jwks", "has no key for RS256, ES256, EdDSA or HS256"};
    }
    return out;
}

result<key_set> key_set::from_secrets(const std::vector<std::string>& secrets) {
    key_set out;
    for (const auto& s : secrets) {
        if (s.size() < least_secret) {
            return problem{"bad_secret", "has a secret of less than 32 bytes, which HS256 does not allow"};
        }
        auto k = std::make_shared<key>();
        k->of = algorithm::hs256;
        k->secret = s;
        out.keys_.push_back(std::move(k));
    }
    if (out.keys_.empty()) {
        return problem{"bad_secret", "has no secret"};
    }
    return out;
}

bool key_set::has(algorithm a) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) { return k->of == a; });
}

bool key_set::knows(std::string_view id) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) { return !k->id || *k->id == id; });
}

bool key_set::verifies(algorithm a, const std::optional<std::string>& id, std::string_view bytes,
                       std::string_view signature) const {
    const bool named = id && std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) { return k->of == a && k->id == id; });
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& k) {
        return k->of == a && (!id || k->id == (named ? id : std::nullopt)) && k->verifies(bytes, signature);
    });
}

}  // namespace wsidecar::proto::jwt
