#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace wsidecar::proto {

/// Which pages may open a WebSocket with their user's cookies (RFC 6455 section 10.2, RFC 6454): the guard against
/// cross-site WebSocket hijacking. Refused: 403.
class origin_policy {
public:
    /// Same host.
    origin_policy() = default;
    /// {"same"}, {"*"}, or exact origins ("https://shop.example", "null"). Reason: bad_origin.
    static result<origin_policy> compile(std::span<const std::string> values);

    /// `has_credentials`: the handshake carries Cookie or Authorization; without them any origin is fine, there is nothing
    /// to hijack. `origins`: the values of all Origin lines. `host`, `forwarded_host`: Host and X-Forwarded-Host, may be
    /// empty; of a list the first counts.
    /// Reasons: origin_repeated, origin_malformed, origin_missing, origin_not_same, origin_not_listed.
    result<void> check(bool has_credentials, std::span<const std::string_view> origins, std::string_view host,
                       std::string_view forwarded_host) const;

private:
    enum class kind : std::uint8_t { same, any, list };
    struct site {
        std::string scheme;
        std::string host;
        std::uint16_t port = 0;
        bool operator==(const site&) const = default;
    };

    static std::optional<site> parse(std::string_view origin);
    static bool same_host(const site& s, std::string_view host);

    kind kind_ = kind::same;
    bool null_listed_ = false;
    std::vector<site> list_;
};

}  // namespace wsidecar::proto
