#include "proto/http/webhook_signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "proto/text/base64.hpp"

namespace wsidecar::proto {

result<std::string> webhook_key(std::string_view secret) {
    static constexpr problem bad{"bad_secret", "a signing secret is whsec_ and base64, or any other text"};
    static constexpr std::string_view prefix = "whsec_";
    if (!secret.starts_with(prefix)) {
        return secret.empty() ? result<std::string>(bad) : result<std::string>(std::string(secret));
    }
    auto key = base64_decode(secret.substr(prefix.size()));
    if (!key || key->empty()) {
        return bad;
    }
    return std::move(*key);
}

std::string webhook_signature(const std::vector<std::string>& keys, std::string_view id, std::string_view timestamp,
                              std::string_view body) {
    std::string content;
    content.reserve(id.size() + timestamp.size() + body.size() + 2);
    content.append(id).append(1, '.').append(timestamp).append(1, '.').append(body);
    std::string out;
    for (const auto& key : keys) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
        unsigned size = 0;
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
             content.size(), mac.data(), &size);
        out += out.empty() ? "v1," : " v1,";
        out += base64_encode({reinterpret_cast<const char*>(mac.data()), size});
    }
    return out;
}

}  // namespace wsidecar::proto
