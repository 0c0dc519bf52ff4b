#pragma once

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

/// max_connections as it can be kept: lowered to what descriptors and memory allow.
std::uint32_t affordable_connections(const config::config& c, const resources& r);

/// Resident bytes of this process; 0 when /proc does not say.
std::uint64_t resident_bytes();

}  // namespace wsidecar::app
