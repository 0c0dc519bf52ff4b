#include "proto/envelope_signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "proto/http/webhook_signature.hpp"
#include "proto/json/json_cursor.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto {
namespace {

constexpr std::string_view name = "\"signature\"";
constexpr std::string_view version = "v1,";

std::string mac(const std::string& secret, std::string_view bytes) {
    const auto key = webhook_key(secret);
    if (!key) {
        return {};
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), reinterpret_cast<const unsigned char*>(bytes.data()),
         bytes.size(), out.data(), &size);
    return {reinterpret_cast<const char*>(out.data()), size};
}

std::string_view without_space_around(std::string_view s) {
    const auto first = s.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
}

struct found {
    std::string_view value;      ///< of the member, with its quotes
    std::string unsigned_bytes;  ///< the object without it
};

/// The member, where it is there once.
std::optional<found> find(std::string_view object) {
    json_cursor at(object);
    std::size_t start = 0;  // of what is left out
    std::size_t end = 0;
    std::size_t before = 0;  // where the value before ended; 0: none
    std::optional<std::string_view> value;
    bool first = false;
    std::size_t count = 0;
    if (at.peek() != '{') {
        return std::nullopt;
    }
    const bool json = at.container(0, [&](std::string_view key) {
        const auto key_at = static_cast<std::size_t>(key.data() - object.data());
        if (value && first && end == 0) {
            end = key_at;  // it is the first member: the comma behind it goes too
        }
        const std::size_t value_at = at.at();
        if (!at.value(1)) {
            return false;
        }
        if (key == name) {
            ++count;
            value = at.since(value_at);
            first = before == 0;
            start = first ? key_at : before;
            end = first ? 0 : at.at();
        }
        before = at.at();
        return true;
    });
    if (!json || count != 1) {
        return std::nullopt;
    }
    if (end == 0) {
        end = static_cast<std::size_t>(value->data() - object.data()) + value->size();  // the only member
    }
    return found{*value, std::string(object.substr(0, start)).append(object.substr(end))};
}

}  // namespace

std::string sign_envelope(std::string envelope, const std::vector<std::string>& secrets) {
    const auto end = envelope.find_last_not_of(" \t\r\n");
    if (secrets.empty() || end == std::string::npos || envelope[end] != '}') {
        return envelope;
    }
    envelope.resize(end + 1);
    envelope.erase(0, envelope.find('{'));
    const std::string signature = base64_encode(mac(secrets.front(), envelope));
    envelope.pop_back();
    return envelope.append(",").append(name).append(":\"").append(version).append(signature).append("\"}");
}

result<void> check_signature(std::string_view envelope, const std::vector<std::string>& secrets) {
    const auto signature = find(without_space_around(envelope));
    if (!signature) {
        return problem{"unsigned", "an envelope needs a signature (push.require_signature)"};
    }
    std::string_view text = signature->value;
    text = text.size() < 2 ? std::string_view() : text.substr(1, text.size() - 2);
    const auto given = text.starts_with(version) ? base64_decode(text.substr(version.size())) : std::nullopt;
    const bool good =
        given && std::any_of(secrets.begin(), secrets.end(), [&](const std::string& secret) {
            const std::string own = mac(secret, signature->unsigned_bytes);
            return !own.empty() && own.size() == given->size() && CRYPTO_memcmp(own.data(), given->data(), own.size()) == 0;
        });
    return good ? result<void>() : problem{"bad_signature", "the envelope's signature is not one of push.secret_file"};
}

std::vector<envelope_item> decode_signed_envelopes(std::string_view bytes, const signatures& by, bool own) {
    auto items = decode_envelopes(bytes, own);
    if (by.secrets.empty() && !by.required) {
        return items;
    }
    for (auto& item : items) {
        if (!item.value || (!by.required && !item.value->is_signed)) {
            continue;
        }
        if (const auto good = check_signature(item.raw, by.secrets); !good) {
            item.value = good.error();
        }
    }
    return items;
}

}  // namespace wsidecar::proto
