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

/// What a route asks of an upgrade request, compiled.
struct route_policy {
    proto::origin_policy origins;
    proto::header_filter connect;  ///< of the connect event
    proto::header_filter replay;   ///< of later events
    bool replays_cookie = false;
    std::optional<token_check> tokens;  ///< nullopt: none is asked for
};

/// What the configuration says about requests of clients, compiled once. Refers to the configuration it was made from.
class client_policy {
public:
    /// Throws std::invalid_argument for values that config/validate refuses.
    explicit client_policy(const config::config& c);

    /// Of a route of this configuration (or of another, while a reload is on its way: the global settings).
    const route_policy& of(const config::route* route) const;
    const proto::trusted_proxies& trusted() const { return trusted_; }
    /// The widest that any route allows: which route it is, only the head can tell.
    const proto::head_limits& head_limits() const { return head_limits_; }
    std::chrono::milliseconds handshake_limit() const { return handshake_limit_; }
    /// Whether requests to this path would be taken for an event by the app.
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
