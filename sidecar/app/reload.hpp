#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/load.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::app {

/// Where the configuration comes from, so that it can be read again.
struct configuration_source {
    std::function<config::loaded()> load;  ///< empty: never again
    std::string file;                      ///< empty: none
};

/// Reads the configuration again on SIGHUP and when one of its files has changed (config/README.md): Kubernetes sends no
/// signals, so the files are looked at. What can change without dropping a connection is handed to `apply`; the rest is said
/// to need a restart. A configuration with a problem changes nothing. Event loop only.
class reload {
public:
    /// Takes the new configuration, in which every key that needs a restart has its old value. What is wrong with it (a
    /// certificate that can't be used), or empty; then everything is in force.
    using apply = std::function<std::string(std::unique_ptr<const config::config>)>;

    reload(configuration_source source, const config::config& now, core::metrics& m, core::timer_port& timers, apply f);

    /// Begins to look at the files.
    void watch();
    void stop() { timer_.reset(); }
    /// SIGHUP.
    void now(const char* why);

private:
    std::vector<std::string> files() const;
    std::string look() const;

    configuration_source source_;
    config::config current_;  ///< as it was last read
    core::metrics& metrics_;
    core::timer_port& timers_;
    apply apply_;
    std::string seen_;  ///< the files as they were
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::app
