// Tokens come from anybody, key sets from a file: both end as what they say or as a problem. The input is taken as a token, as a
// key set, and as claims under a signature that holds, because no fuzzer finds one.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/app_reply.hpp"
#include "proto/http/jwt.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/name.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    static const std::string secret(32, 's');
    static const auto keys = *jwt::key_set::from_secrets({secret});
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::chrono::system_clock::time_point now(std::chrono::seconds(2'000'000'000));
    jwt::rules wanted;
    wanted.groups = "/a/b";
    wanted.audience = {"shop"};
    (void)jwt::looks_like_token(text);
    if (const auto others = jwt::key_set::from_jwks(text)) {
        (void)jwt::check(text, *others, wanted, now);
    }
    if (jwt::check(text, keys, wanted, now)) {
        __builtin_trap();  // nobody has the secret
    }
    const std::string content = base64url_encode(R"({"alg":"HS256"})") + '.' + base64url_encode(text);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(content.data()),
         content.size(), mac, &length);
    const auto said = jwt::check(content + '.' + base64url_encode({reinterpret_cast<char*>(mac), length}), keys, wanted, now);
    if (said && !valid_name(said->user)) {
        __builtin_trap();
    }
    return 0;
}
