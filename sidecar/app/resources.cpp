#include "sidecar/app/resources.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "sidecar/app/admin_server.hpp"

namespace wsidecar::app {
namespace {

/// What an idle connection costs at most, buffers of the kernel left out (the benchmark's figure is below it).
constexpr std::uint64_t bytes_per_connection = 8 * 1024;
/// What the program takes before its first connection, generously.
constexpr std::uint64_t base_bytes = 32 * 1024 * 1024;
/// Files, Redis, admin callers.
constexpr std::uint64_t base_descriptors = 40 + admin_connections_at_most;
/// Connections to the app that `http: pass` keeps, beside those in use.
constexpr std::uint64_t kept_to_app = 32;
constexpr std::uint64_t passed_at_least = 8;
constexpr std::uint64_t pending_at_most = 8192;
constexpr std::uint64_t pending_at_least = 16;
constexpr std::uint64_t pending_bytes_at_most = 32 * 1024 * 1024;

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

affordable afford(const config::config& c, const resources& r) {
    affordable a;
    a.passed = c.pass.concurrency;
    std::uint64_t most = c.max_connections;
    std::uint64_t pending = pending_at_most;
    if (r.descriptors > 0) {
        pending = std::clamp(r.descriptors / 8, pending_at_least, pending_at_most);
        const std::uint64_t passed = std::min<std::uint64_t>(c.pass.concurrency, std::max(r.descriptors / 16, passed_at_least));
        a.passed = static_cast<std::uint32_t>(passed);
        const std::uint64_t for_passed = c.http == "pass" ? 2 * passed + std::min(passed, kept_to_app) : 0;
        const std::uint64_t taken = base_descriptors + c.app.concurrency + for_passed + pending;
        a.sockets = r.descriptors > taken ? r.descriptors - taken : 1;
        most = std::min<std::uint64_t>(most, a.sockets);
    }
    std::uint64_t pending_bytes = pending_bytes_at_most;
    if (r.memory) {
        const std::uint64_t usable = *r.memory / 100 * c.limits.memory;
        most = std::min(most, usable > base_bytes ? (usable - base_bytes) / bytes_per_connection : 1);
        pending_bytes = std::clamp<std::uint64_t>(usable / 8, 1024 * 1024, pending_bytes);
    }
    a.connections = static_cast<std::uint32_t>(std::max<std::uint64_t>(most, 1));
    a.pending = pending;
    a.pending_bytes = pending_bytes;
    return a;
}

std::uint64_t resident_bytes() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    in >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace wsidecar::app
