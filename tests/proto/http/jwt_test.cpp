#include "proto/http/jwt.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proto/text/base64.hpp"

namespace wsidecar::proto::jwt {
namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::system_clock::time_point;

/// RFC 7515 appendix A: the claims of all its examples, which are those of RFC 7519 section 3.1.
const std::string joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr time_point before_joe_expires(std::chrono::seconds(1300819380 - 60));

const std::string a1_key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const std::string a1_token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joe + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const std::string a2_modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_"
    "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
    "UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv"
    "b3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const std::string a2_token = "eyJhbGciOiJSUzI1NiJ9." + joe +
                             ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
                             "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjb"
                             "KBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--"
                             "xi12jzDwusC-eOkHWEsqtFZESc6B"
                             "fI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const std::string a3_key =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")";
const std::string a3_token =
    "eyJhbGciOiJFUzI1NiJ9." + joe + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// RFC 8037 appendix A.2, and A.4, whose payload is no JSON.
const std::string okp_key = R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")";
const std::string okp_signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
const std::string okp_signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

std::string oct_key() {
    return R"({"kty":"oct","k":")" + a1_key + '"';
}
std::string rsa_key() {
    return R"({"kty":"RSA","e":"AQAB","n":")" + a2_modulus + '"';
}

/// A set of keys, each without its closing brace, with `more` in each.
result<key_set> set_of(std::initializer_list<std::string> keys, const std::string& more = "") {
    std::string text;
    for (const auto& k : keys) {
        text += (text.empty() ? "" : ",") + k + more + '}';
    }
    return key_set::from_jwks("{\"keys\":[" + text + "]}");
}

/// The reason, or nothing where the token was taken.
std::string refused(const result<claims>& r) {
    return r ? "" : r.error().reason;
}

rules no_user() {
    rules r;
    r.user.clear();
    return r;
}

// --------------------------------------------------------------------------------------------- the RFCs' vectors

TEST(Jwt, TakesTheTokensOfRfc7515AppendixA) {
    for (const auto& [key, token] :
         {std::pair{oct_key(), a1_token}, std::pair{rsa_key(), a2_token}, std::pair{a3_key, a3_token}}) {
        const auto keys = set_of({key});
        ASSERT_TRUE(keys) << key;
        rules wanted = no_user();
        wanted.issuer = "joe";
        const auto said = check(token, *keys, wanted, before_joe_expires);
        ASSERT_TRUE(said) << said.error().reason;
        EXPECT_EQ(said->until, before_joe_expires + 60s);
        EXPECT_EQ(refused(check(token, *keys, wanted, before_joe_expires + 91s)), "jwt_expired");
    }
}

TEST(Jwt, TakesTheSignatureOfRfc8037AppendixA4) {
    const auto keys = set_of({okp_key});
    ASSERT_TRUE(keys);
    EXPECT_TRUE(keys->verifies(algorithm::eddsa, std::nullopt, okp_signed, *base64url_decode(okp_signature)));
    EXPECT_FALSE(keys->verifies(algorithm::eddsa, std::nullopt, okp_signed + "x", *base64url_decode(okp_signature)));
    EXPECT_EQ(refused(check(okp_signed + "." + okp_signature, *keys, no_user(), before_joe_expires)), "jwt_malformed");
}

TEST(Jwt, RefusesTheUnsecuredTokenOfRfc7519Section6) {
    for (const auto& keys : {set_of({oct_key()}), set_of({rsa_key()}), set_of({oct_key(), rsa_key(), a3_key, okp_key})}) {
        EXPECT_EQ(refused(check("eyJhbGciOiJub25lIn0." + joe + ".", *keys, no_user(), before_joe_expires)), "jwt_algorithm");
    }
}

// ------------------------------------------------------------------------------------------ tokens made here

const std::string secret(32, 's');

std::string token(const std::string& header, const std::string& body, const std::string& key = secret) {
    const std::string content = base64url_encode(header) + '.' + base64url_encode(body);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
         content.size(), mac, &size);
    return content + '.' + base64url_encode({reinterpret_cast<char*>(mac), size});
}

const std::string hs256 = R"({"alg":"HS256"})";
constexpr time_point now(std::chrono::seconds(2'000'000'000));

std::string at(std::chrono::seconds from_now) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>((now + from_now).time_since_epoch()).count());
}

struct JwtClaims : testing::Test {
    key_set keys = *key_set::from_secrets({secret});
    rules wanted;

    result<claims> say(const std::string& body) const { return check(token(hs256, body), keys, wanted, now); }
    std::string reason(const std::string& body) const { return refused(say(body)); }
};

TEST_F(JwtClaims, NameTheUserAndHisGroups) {
    wanted.groups = "roles";
    const auto said = say(R"({"sub":"alice","roles":["a","b","a"],"other":{"x":[1]}})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->user, "alice");
    EXPECT_EQ(said->groups, (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(said->until);
    EXPECT_EQ(say(R"({"sub":"alice","roles":"one"})")->groups, std::vector<std::string>{"one"});
    EXPECT_TRUE(say(R"({"sub":"alice"})")->groups.empty());
}

TEST_F(JwtClaims, MayBeNumbersAndStandDeeper) {
    wanted.user = "userId";
    wanted.groups = "/realm_access/roles";
    const auto said = say(R"({"userId":42,"realm_access":{"roles":["staff"]}})");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->user, "42");
    EXPECT_EQ(said->groups, std::vector<std::string>{"staff"});
}

TEST_F(JwtClaims, ThatAreNoNamesAreRefused) {
    wanted.groups = "g";
    for (const auto* body :
         {R"({})", R"({"sub":""})", R"({"sub":null})", R"({"sub":true})", R"({"sub":["a"]})", R"({"sub":"a\nb"})",
          R"({"sub":"a\u0000"})", R"({"sub":"a","g":[""]})", R"({"sub":"a","g":[["x"]]})", R"({"sub":"a","g":{}})",
          R"({"sub":"a","exp":"1"})", R"({"sub":"a","exp":null})", R"({"sub":"a","nbf":"x"})"}) {
        EXPECT_EQ(reason(body), "jwt_claims") << body;
    }
    EXPECT_EQ(reason(R"({"sub":")" + std::string(257, 'a') + "\"}"), "jwt_claims");
}

TEST_F(JwtClaims, AClockMayBeOffByTheLeewayAndNoMore) {
    wanted.leeway = 30s;
    EXPECT_EQ(reason(R"({"sub":"a","exp":)" + at(-29s) + "}"), "");
    EXPECT_EQ(reason(R"({"sub":"a","exp":)" + at(-30s) + "}"), "jwt_expired");
    EXPECT_EQ(reason(R"({"sub":"a","nbf":)" + at(30s) + "}"), "");
    EXPECT_EQ(reason(R"({"sub":"a","nbf":)" + at(31s) + "}"), "jwt_not_yet");
    wanted.leeway = 0s;
    EXPECT_EQ(reason(R"({"sub":"a","exp":)" + at(0s) + "}"), "jwt_expired") << "on or after exp it must not be accepted";
    EXPECT_EQ(reason(R"({"sub":"a","exp":)" + at(1s) + "}"), "");
    EXPECT_EQ(reason(R"({"sub":"a","nbf":)" + at(1s) + "}"), "jwt_not_yet");
}

TEST_F(JwtClaims, AreHonouredToExpOrWhereThatIsPastToTheEndOfTheLeeway) {
    EXPECT_EQ(say(R"({"sub":"a","exp":)" + at(10s) + "}")->until, now + 10s);
    EXPECT_EQ(say(R"({"sub":"a","exp":)" + at(-10s) + "}")->until, now + 20s);
}

TEST_F(JwtClaims, DatesOfAnySizeDoNotOverflow) {
    for (const auto* exp : {"1e300", "1e400", "99999999999999999999", "9007199254740993.5"}) {
        EXPECT_EQ(reason(R"({"sub":"a","exp":)" + std::string(exp) + "}"), "") << exp;
    }
    for (const auto* exp : {"-1e300", "-1e400", "0", "1e-400", "-1e-400", "-1"}) {
        EXPECT_EQ(reason(R"({"sub":"a","exp":)" + std::string(exp) + "}"), "jwt_expired") << exp;
    }
}

TEST_F(JwtClaims, OfAnotherIssuerAreRefused) {
    wanted.issuer = "https://login.example";
    EXPECT_EQ(reason(R"({"sub":"a","iss":"https://login.example"})"), "");
    for (const auto* iss :
         {R"("https://login.example/")", R"("HTTPS://login.example")", R"(["https://login.example"])", "null"}) {
        EXPECT_EQ(reason(R"({"sub":"a","iss":)" + std::string(iss) + "}"), "jwt_issuer") << iss;
    }
    EXPECT_EQ(reason(R"({"sub":"a"})"), "jwt_issuer");
}

TEST_F(JwtClaims, ForAnotherAudienceAreRefused) {
    EXPECT_EQ(reason(R"({"sub":"a","aud":"shop"})"), "jwt_audience")
        << "RFC 7519 section 4.1.3: who is not named must reject it";
    wanted.audience = {"shop", "desk"};
    EXPECT_EQ(reason(R"({"sub":"a","aud":"shop"})"), "");
    EXPECT_EQ(reason(R"({"sub":"a","aud":["x","desk"]})"), "");
    for (const auto* aud : {R"("bank")", R"(["bank"])", "[]", R"("shop ")", "null", R"({"shop":1})"}) {
        EXPECT_EQ(reason(R"({"sub":"a","aud":)" + std::string(aud) + "}"), "jwt_audience") << aud;
    }
    EXPECT_EQ(reason(R"({"sub":"a"})"), "jwt_audience");
}

TEST_F(JwtClaims, ThatStandTwiceAreRefused) {
    EXPECT_EQ(reason(R"({"sub":"a","sub":"admin"})"), "jwt_malformed");
    EXPECT_EQ(reason(R"({"sub":"a","su\u0062":"admin"})"), "jwt_malformed");
    EXPECT_EQ(refused(check(token(R"({"alg":"HS256","alg":"none"})", R"({"sub":"a"})"), keys, wanted, now)), "jwt_malformed");
}

// ----------------------------------------------------------------------------------------------- algorithms

TEST(JwtAlgorithm, IsTheKeysNeverTheTokens) {
    // The classic confusion: the public key's own bytes as an HMAC secret.
    const auto keys = *set_of({rsa_key(), a3_key, okp_key});
    for (const auto& key :
         {*base64url_decode(a2_modulus), a2_modulus, rsa_key() + "}", std::string("-----BEGIN PUBLIC KEY-----\n")}) {
        EXPECT_EQ(refused(check(token(hs256, R"({"sub":"a"})", key), keys, {}, now)), "jwt_algorithm");
    }
    // And a set that has both kinds, where the token names the RSA key.
    const auto both = *key_set::from_jwks("{\"keys\":[" + rsa_key() + R"(,"kid":"r"},)" + oct_key() + R"(,"kid":"h"}]})");
    EXPECT_EQ(
        refused(check(token(R"({"alg":"HS256","kid":"r"})", R"({"sub":"a"})", *base64url_decode(a2_modulus)), both, {}, now)),
        "jwt_signature");
}

TEST(JwtAlgorithm, OfAnyOtherNameIsRefused) {
    const auto keys = *key_set::from_secrets({secret});
    for (const auto* alg :
         {R"("none")", R"("None")", R"("NONE")", R"("nOnE")", R"("")", R"("hs256")", R"("HS384")", R"("HS512")", R"("RS256")",
          R"("PS256")", R"("ES256K")", R"("HS256 ")", R"("HS256\u0000")", "null", "256", R"(["HS256"])", R"({"HS256":1})"}) {
        const std::string header = R"({"alg":)" + std::string(alg) + "}";
        EXPECT_EQ(refused(check(token(header, R"({"sub":"a"})"), keys, {}, now)), "jwt_algorithm") << alg;
        const std::string bare = base64url_encode(header) + '.' + base64url_encode(R"({"sub":"a"})") + '.';
        EXPECT_EQ(refused(check(bare, keys, {}, now)), "jwt_algorithm") << alg;
    }
    EXPECT_EQ(refused(check(token(R"({"typ":"JWT"})", R"({"sub":"a"})"), keys, {}, now)), "jwt_algorithm");
}

TEST(JwtAlgorithm, ASignatureOfZerosOrOfNothingIsNone) {
    const auto keys = *set_of({a3_key, oct_key(), rsa_key()});
    const std::string es = "eyJhbGciOiJFUzI1NiJ9." + joe + '.';
    for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 70U, 256U}) {
        EXPECT_EQ(refused(check(es + base64url_encode(std::string(size, '\0')), keys, no_user(), before_joe_expires)),
                  "jwt_signature");
    }
    const auto cut = [](const std::string& t) { return t.substr(0, t.rfind('.') + 1); };
    for (const auto& t : {a1_token, a2_token, a3_token}) {
        EXPECT_EQ(refused(check(cut(t), keys, no_user(), before_joe_expires)), "jwt_signature");
    }
}

TEST(JwtAlgorithm, AnEcSignatureInDerIsNotOneOfAToken) {
    const auto both = *base64url_decode(a3_token.substr(a3_token.rfind('.') + 1));
    std::string der = "\x30\x45\x02\x20" + both.substr(0, 32) + "\x02\x21" + std::string(1, '\0') + both.substr(32);
    const auto keys = *set_of({a3_key});
    EXPECT_EQ(refused(check("eyJhbGciOiJFUzI1NiJ9." + joe + '.' + base64url_encode(der), keys, no_user(), before_joe_expires)),
              "jwt_signature");
}

TEST(Jwt, KeysThatATokenBringsAlongAreNotUsed) {
    const auto keys = *set_of({rsa_key()});
    const std::string own = base64url_encode(std::string(32, 'x'));
    const std::string header =
        R"({"alg":"HS256","jwk":{"kty":"oct","k":")" + own + R"("},"jku":"http://127.0.0.1/keys","x5u":"file:///x"})";
    EXPECT_EQ(refused(check(token(header, R"({"sub":"a"})", std::string(32, 'x')), keys, {}, now)), "jwt_algorithm");
    EXPECT_EQ(refused(check(token(header, R"({"sub":"a"})", std::string(32, 'x')), *key_set::from_secrets({secret}), {}, now)),
              "jwt_signature");
}

TEST(Jwt, ACriticalExtensionIsNotUnderstood) {
    const auto keys = *key_set::from_secrets({secret});
    EXPECT_EQ(refused(check(token(R"({"alg":"HS256","crit":["b64"],"b64":false})", R"({"sub":"a"})"), keys, {}, now)),
              "jwt_malformed");
}

TEST(Jwt, WhatIsNoTokenIsRefused) {
    const auto keys = *key_set::from_secrets({secret});
    const std::string good = token(hs256, R"({"sub":"a"})");
    ASSERT_EQ(refused(check(good, keys, {}, now)), "");
    for (const auto& bad : {std::string(),
                            std::string("."),
                            std::string(".."),
                            std::string("..."),
                            std::string("a.b.c"),
                            good + "=",
                            good + ".",
                            good + ".x.y",
                            " " + good,
                            good + " ",
                            good + "\n",
                            std::string("Bearer ") + good,
                            token("[]", "{}"),
                            token(hs256, "[]"),
                            token(hs256, "null"),
                            token(hs256, "{\"sub\":\"\xFF\"}"),
                            token(hs256, R"({"sub":"a"}x)"),
                            token(hs256, std::string(70, '[')),
                            token(hs256, R"({"sub":"a","x":")" + std::string(8192, 'x') + "\"}"),
                            token(R"({"alg":"HS256","kid":7})", R"({"sub":"a"})")}) {
        EXPECT_EQ(refused(check(bad, keys, {}, now)), "jwt_malformed") << bad.substr(0, 60);
    }
    std::string other = good;
    other[other.find('.') + 2] ^= 1;
    EXPECT_NE(refused(check(other, keys, {}, now)), "");
    EXPECT_EQ(refused(check(token(hs256, R"({"sub":"a"})", std::string(32, 't')), keys, {}, now)), "jwt_signature");
}

// ----------------------------------------------------------------------------------------------------- keys

TEST(JwtKeys, AreFoundByTheirIdAndWithoutOneByTheirAlgorithm) {
    const auto k = [](const std::string& id, char c) {
        return R"({"kty":"oct","kid":")" + id + R"(","k":")" + base64url_encode(std::string(32, c)) + '"';
    };
    const auto keys = *set_of({k("old", 'o'), k("new", 'n')});
    const auto with = [](const std::string& id, char c) {
        return token(R"({"alg":"HS256","kid":")" + id + "\"}", R"({"sub":"a"})", std::string(32, c));
    };
    EXPECT_EQ(refused(check(with("old", 'o'), keys, {}, now)), "");
    EXPECT_EQ(refused(check(with("new", 'n'), keys, {}, now)), "");
    EXPECT_EQ(refused(check(with("old", 'n'), keys, {}, now)), "jwt_signature");
    EXPECT_EQ(refused(check(with("gone", 'o'), keys, {}, now)), "jwt_key");
    EXPECT_EQ(refused(check(token(hs256, R"({"sub":"a"})", std::string(32, 'n')), keys, {}, now)), "");
    // Secrets from a file have no ids: the token's says nothing.
    EXPECT_EQ(refused(check(with("any", 's'), *key_set::from_secrets({std::string(32, 't'), secret}), {}, now)), "");
}

TEST(JwtKeys, OfOtherTypesUsesAndAlgorithmsArePassedOver) {
    const auto one = [](const std::string& others) {
        return key_set::from_jwks("{\"keys\":[" + others + "," + a3_key + "}]}");
    };
    for (const auto& other : {std::string(R"({"kty":"new"})"), std::string("{}"), rsa_key() + R"(,"use":"enc"})",
                              rsa_key() + R"(,"alg":"RS512"})", rsa_key() + R"(,"alg":"RSA-OAEP"})",
                              rsa_key() + R"(,"key_ops":["sign"]})", std::string(R"({"kty":"EC","crv":"P-384"})"),
                              std::string(R"({"kty":"OKP","crv":"X25519"})"), oct_key() + R"(,"alg":"HS512"})"}) {
        const auto keys = one(other);
        ASSERT_TRUE(keys) << other;
        EXPECT_EQ(keys->size(), 1U) << other;
    }
    EXPECT_EQ(one(rsa_key() + R"(,"use":"sig","alg":"RS256","key_ops":["verify"]})")->size(), 2U);
}

TEST(JwtKeys, ThatAreBrokenOrWeakAreRefused) {
    const std::string weak = base64url_encode(std::string(128, '\x81'));
    for (
        const auto& text :
        {std::string(), std::string("{}"), std::string("[]"), std::string(R"({"keys":{}})"), std::string(R"({"keys":[]})"),
         std::string(R"({"keys":[7]})"), std::string(R"({"keys":[{"kty":"new"}]})"), "{\"keys\":[" + a3_key + "}]",
         R"({"keys":[{"kty":"RSA","e":"AQAB","n":")" + weak + R"("}]})",
         R"({"keys":[{"kty":"RSA","e":"AQ","n":")" + a2_modulus + R"("}]})", std::string(R"({"keys":[{"kty":"RSA"}]})"),
         std::string(R"({"keys":[{"kty":"oct","k":"c2hvcnQ"}]})"),
         std::string(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"c2hvcnQ"}]})"),
         // Not on the curve.
         std::string(
             R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]})"),
         R"({"keys":[],"keys":[)" + a3_key + "}]}"}) {
        const auto keys = key_set::from_jwks(text);
        ASSERT_FALSE(keys) << text;
        EXPECT_STREQ(keys.error().reason, "bad_jwks");
    }
    EXPECT_FALSE(key_set::from_secrets({std::string(31, 's')}));
    EXPECT_FALSE(key_set::from_secrets({}));
}

TEST(Jwt, IsKnownByItsShapeAmongSubprotocols) {
    EXPECT_TRUE(looks_like_token(a1_token));
    EXPECT_TRUE(looks_like_token(a2_token));
    for (const auto* other : {"", "v12.stomp", "wamp.2.json", "graphql-transport-ws", "com.example.chat", "ey", "ey.a", "ey..b",
                              "ey.a.b.c", "ey.a.b c", "bearer"}) {
        EXPECT_FALSE(looks_like_token(other)) << other;
    }
}

}  // namespace
}  // namespace wsidecar::proto::jwt
