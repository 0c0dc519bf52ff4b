#pragma once

#include <memory>

#include "config/config.hpp"
#include "sidecar/app/reload.hpp"

namespace wsidecar::app {

/// The whole program: builds every part once, from the bottom up, and runs the event loop.
///
///   clients <-> net::server <-> core::gateway <-> core::bus (Redis)
///                                    |
///                              net::app_client (the app)
class application {
public:
    /// `source`: to read the configuration again.
    explicit application(config::config c, configuration_source source = {});
    ~application();
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    /// Runs until SIGTERM or SIGINT has been answered with a drain. The process's exit code: 0; 1 when it could not start
    /// (an address is taken); 2 when it is configured otherwise than the live instances.
    int run();

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace wsidecar::app
