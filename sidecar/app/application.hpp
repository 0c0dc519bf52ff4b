#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/app/reload.hpp"

namespace wsidecar::app {

/// The names of the environment's variables.
std::vector<std::string> environment_names();

/// Paths of routes that name their user and ask nobody whether that is true, and what to say of them.
std::vector<std::string> routes_of_anybody(const config::config& c);
extern const char* const anybody_words;

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
