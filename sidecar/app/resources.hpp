#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "config/config.hpp"

namespace wsidecar::app {

/// What this process may use.
struct resources {
    std::uint64_t descriptors = 0;        ///< RLIMIT_NOFILE, its soft limit raised to the hard one
    std::optional<std::uint64_t> memory;  ///< bytes: the smaller of the cgroup's limit and the machine's memory
};
resources probe_resources();

/// What there may be of clients' connections with these resources.
struct affordable {
    std::uint32_t connections = 1;  ///< max_connections, lowered to what descriptors and memory allow
    std::uint32_t passed = 0;       ///< pass.concurrency, lowered likewise
    std::size_t pending = 0;        ///< connections before their handshake, for which descriptors are kept aside
    std::size_t pending_bytes = 0;  ///< that they hold
    std::size_t sockets = 0;        ///< of connections and tunnels (which have two); 0: any number
};
affordable afford(const config::config& c, const resources& r);

/// Resident bytes of this process; 0 when /proc does not say.
std::uint64_t resident_bytes();

}  // namespace wsidecar::app
