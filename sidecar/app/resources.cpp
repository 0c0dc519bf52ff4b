#include "sidecar/app/resources.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace wsidecar::app {
namespace {

/// What an idle connection costs at most, buffers of the kernel left out (the benchmark's figure is below it).
constexpr std::uint64_t bytes_per_connection = 8 * 1024;
/// What the program takes before its first connection, generously.
constexpr std::uint64_t base_bytes = 32 * 1024 * 1024;
/// Files, Redis, admin callers, requests being passed through.
constexpr std::uint64_t base_descriptors = 200;

std::optional<std::uint64_t> number_in(const char* path) {
    std::ifstream in(path);
    std::uint64_t value = 0;
    if (in >> value) {
        return value;
    }
    return std::nullopt;  // absent, or "max"
}

}  // namespace

resources probe_resources() {
    resources r;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
        r.descriptors = limit.rlim_cur;
    }
    r.memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
        if (const auto bytes = number_in(file)) {
            r.memory = std::min(*r.memory, *bytes);
            break;
        }
    }
    return r;
}

std::uint32_t affordable_connections(const config::config& c, const resources& r) {
    std::uint64_t most = c.max_connections;
    const std::uint64_t taken = base_descriptors + c.app.concurrency;
    if (r.descriptors > 0) {
        most = std::min(most, r.descriptors > taken ? r.descriptors - taken : 1);
    }
    if (r.memory) {
        const std::uint64_t usable = *r.memory / 100 * c.limits.memory;
        most = std::min(most, usable > base_bytes ? (usable - base_bytes) / bytes_per_connection : 1);
    }
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(most, 1));
}

std::uint64_t resident_bytes() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    in >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace wsidecar::app
