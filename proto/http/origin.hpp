#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// What a handshake says about the page that makes it and the server that it asks. The members are views.
struct page_request {
    bool has_credentials = false;  ///< Cookie or Authorization; without them nothing can be hijacked, so any origin is fine
    std::span<const std::string_view> origins;  ///< the values of all Origin lines
    std::string_view fetch_site;                ///< Sec-Fetch-Site, which pages cannot set; empty if there is none
    std::string_view host;                      ///< Host
    std::string_view forwarded_host;            ///< from a trusted proxy (proto::asked_for); empty if there is none
    std::string_view forwarded_port;            ///< likewise from a trusted proxy
    std::string_view scheme;                    ///< "https" or "http"; empty if unknown
};

/// Decides which pages may open a WebSocket with their user's cookies (RFC 6455 section 10.2, RFC 6454). This guards against cross-site
/// WebSocket hijacking. A rejected request is answered with 403.
class origin_policy {
public:
    /// Allows the same origin only.
    origin_policy() = default;
    /// `values` are {"same"}, {"*"}, or exact origins: "https://shop.example", "capacitor://localhost", "file://", "null". Reason: bad_origin.
    static result<origin_policy> compile(std::span<const std::string> values);

    /// With `same`, the origin must be http or https, with the scheme that the client used if that is known, and with the host and port
    /// of Host, or of X-Forwarded-Host and X-Forwarded-Port. A request without Origin is accepted, because no browser sent it, unless
    /// Sec-Fetch-Site says that another site's page makes it.
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
