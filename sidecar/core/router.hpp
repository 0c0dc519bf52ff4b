#pragma once

#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/http/path.hpp"
#include "sidecar/core/handshake.hpp"

namespace wsidecar::core {

/// Finds the route of a path. The configuration must outlive the router. A SockJS route includes all of SockJS's paths below it. Copyable.
class router {
public:
    /// Throws std::logic_error for paths that config/validate refuses.
    explicit router(const config::config& c);

    /// `path` must have passed proto::check_path.
    route_match operator()(std::string_view path) const;

private:
    struct target {
        const config::route* route;
        const proto::sockjs::suffix* sockjs;  ///< null for the route's own path
    };
    route_match find(std::string_view path) const;

    proto::route_table table_;
    std::vector<target> targets_;
    bool any_sockjs_ = false;
};

}  // namespace wsidecar::core
