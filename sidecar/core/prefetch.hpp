#pragma once

#include <cstddef>
#include <cstdint>

namespace wsidecar::core {

/// Bytes from a session's beginning: what sending looks at stands there.
constexpr std::size_t hot_session = 192;

/// Asks for `bytes` from `at` on, which will soon be written: of ten thousand connections the next one is in no cache. A hint: any
/// address is right, null too.
inline void prefetch(const void* at, std::size_t bytes) {
    constexpr std::size_t line = 64;
    for (std::size_t n = 0; n < bytes; n += line) {
        // NOLINTNEXTLINE: counted on an address
        __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at) + n), 1);
    }
}

}  // namespace wsidecar::core
