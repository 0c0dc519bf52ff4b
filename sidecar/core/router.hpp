#pragma once

#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/http/path.hpp"
#include "sidecar/core/handshake.hpp"

namespace wsidecar::core {

/// Finds a path's route among those of a configuration, which must outlive it. A SockJS route stands for all the paths below it that
/// SockJS has. Copies.
class router {
public:
    /// Throws std::logic_error for paths that config/validate refuses.
    explicit router(const config::config& c);

    /// `path`: one that passed proto::check_path.
    route_match operator()(std::string_view path) const;

private:
    struct target {
        const config::route* route;
        const proto::sockjs::suffix* sockjs;  ///< null: the route's path itself
    };
    route_match find(std::string_view path) const;

    proto::route_table table_;
    std::vector<target> targets_;
    bool any_sockjs_ = false;
};

}  // namespace wsidecar::core
