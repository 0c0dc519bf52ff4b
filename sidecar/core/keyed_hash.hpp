#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace wsidecar::core {

/// Secret keys from the operating system's random source, drawn once for each process.
extern std::array<std::uint64_t, 3> hash_keys;

/// Sets fixed keys, so that a simulation visits the entries of tables in the same order each time. Call this before the first table is
/// filled.
void predictable_hashes();

namespace keyed {

/// The 128-bit product of `a` and `b`, folded to 64 bits.
inline std::uint64_t folded(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

inline std::uint64_t eight(const char* p) noexcept {
    std::uint64_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

inline std::uint64_t four(const char* p) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
}

}  // namespace keyed

/// A hash for bytes that a peer may choose. Secret keys go into each multiplication, so a peer cannot choose many names with one hash, as
/// it could with std::hash, whose seed is public. It is built like wyhash, which Go's runtime uses with random keys for the same reason.
/// The value differs between processes and must be neither stored nor sent.
inline std::uint64_t keyed_hash(std::string_view bytes) noexcept {
    const char* p = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t seed = hash_keys[0];
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (left > 16) {
        for (; left > 16; left -= 16, p += 16) {
            seed = keyed::folded(keyed::eight(p) ^ hash_keys[1], keyed::eight(p + 8) ^ seed);
        }
        a = keyed::eight(p + left - 16);
        b = keyed::eight(p + left - 8);
    } else if (left >= 4) {
        const std::size_t inner = left >> 3U << 2U;
        a = keyed::four(p) << 32U | keyed::four(p + inner);
        b = keyed::four(p + left - 4) << 32U | keyed::four(p + left - 4 - inner);
    } else if (left > 0) {
        const auto byte = [p](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
        a = byte(0) << 16U | byte(left >> 1U) << 8U | byte(left - 1);
    }
    return keyed::folded(hash_keys[1] ^ bytes.size(), keyed::folded(a ^ hash_keys[2], b ^ seed));
}

}  // namespace wsidecar::core
