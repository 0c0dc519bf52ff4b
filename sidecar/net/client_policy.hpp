#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "proto/http/header_filter.hpp"
#include "proto/http/http_head.hpp"
#include "proto/http/origin.hpp"
#include "proto/http/path.hpp"
#include "proto/text/cidr.hpp"
#include "sidecar/net/token_check.hpp"

namespace wsidecar::net {

/// A route's requirements for upgrade requests, compiled.
struct route_policy {
    proto::origin_policy origins;
    proto::header_filter connect;  ///< headers of the connect event
    proto::header_filter replay;   ///< headers of later events
    bool replays_cookie = false;
    std::optional<token_check> tokens;  ///< nullopt if no token is required
};

/// The configuration's rules for client requests, compiled once. The configuration must outlive it.
class client_policy {
public:
    /// Throws std::invalid_argument for values that config/validate refuses.
    explicit client_policy(const config::config& c);

    /// The policy of a route of this configuration. A route of another one (during a reload) gets the global settings.
    const route_policy& of(const config::route* route) const;
    const proto::trusted_proxies& trusted() const { return trusted_; }
    /// The largest limits of any route, because the route is known only after reading the head.
    const proto::head_limits& head_limits() const { return head_limits_; }
    std::chrono::milliseconds handshake_limit() const { return handshake_limit_; }
    /// Whether the app would take a request to this path for an event.
    bool is_event_path(std::string_view path) const;

private:
    struct event_path {
        proto::route_pattern pattern;
        std::string prefix;  ///< decoded, up to the first variable; for what is no pattern. Empty: pattern counts
    };
    void add_event_path(const std::string& text);

    std::unordered_map<const config::route*, route_policy> routes_;
    route_policy global_;
    proto::trusted_proxies trusted_;
    proto::head_limits head_limits_;
    std::chrono::milliseconds handshake_limit_;
    std::vector<event_path> event_paths_;
};

}  // namespace wsidecar::net
