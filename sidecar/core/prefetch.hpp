#pragma once

#include <cstddef>
#include <cstdint>

namespace wsidecar::core {

/// The number of bytes at the beginning of a session that sending reads.
constexpr std::size_t hot_session = 192;

/// Prefetches `bytes` from `at` on for writing, because with ten thousand connections the next one is in no CPU cache. This is only a
/// hint: any address is allowed, including null.
inline void prefetch(const void* at, std::size_t bytes) {
    constexpr std::size_t line = 64;
    for (std::size_t n = 0; n < bytes; n += line) {
        // NOLINTNEXTLINE: counted on an address
        __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at) + n), 1);
    }
}

}  // namespace wsidecar::core
