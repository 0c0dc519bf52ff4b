#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// What a handshake says of the page that makes it, and of the server that it asks. Views.
struct page_request {
    bool has_credentials = false;  ///< Cookie or Authorization; without them any origin is fine, there is nothing to hijack
    std::span<const std::string_view> origins;  ///< the values of all Origin lines
    std::string_view fetch_site;                ///< Sec-Fetch-Site, which no page can write; empty: none
    std::string_view host;                      ///< Host
    std::string_view forwarded_host;            ///< of a trusted proxy (proto::asked_for); empty: not said
    std::string_view forwarded_port;            ///< likewise
    std::string_view scheme;                    ///< "https" or "http"; empty: not known
};

/// Which pages may open a WebSocket with their user's cookies (RFC 6455 section 10.2, RFC 6454): the guard against
/// cross-site WebSocket hijacking. Refused: 403.
class origin_policy {
public:
    /// Same origin.
    origin_policy() = default;
    /// {"same"}, {"*"}, or exact origins: "https://shop.example", "capacitor://localhost", "file://", "null". Reason: bad_origin.
    static result<origin_policy> compile(std::span<const std::string> values);

    /// `same`: the origin is of http or https, its scheme is the one that the client used where that is known, and its host and
    /// port are those of Host, or of X-Forwarded-Host and X-Forwarded-Port. A request without Origin passes there, for it is no
    /// browser's, unless Sec-Fetch-Site says that it is one for another site's page.
    /// Reasons: origin_repeated, origin_malformed, origin_missing, origin_not_same, origin_not_listed.
    result<void> check(const page_request& r) const;

private:
    enum class kind : std::uint8_t { same, any, list };
    struct site {
        std::string scheme;
        std::string host;
        std::uint16_t port = 0;
        bool operator==(const site&) const = default;
    };

    static std::optional<site> parse(std::string_view origin);
    static bool is_same(const site& s, const page_request& r);

    kind kind_ = kind::same;
    bool null_listed_ = false;
    std::vector<site> list_;
};

}  // namespace wsidecar::proto
