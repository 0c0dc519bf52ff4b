#pragma once

#include <cstdint>
#include <string>

namespace wsidecar::proto {

/// Unguessable and unique across pods: 100 random bits of the operating system as 20 lowercase base-32 characters.
std::string new_connection_id();

/// 128 random bits as 32 hex digits: tokens, push ids.
std::string random_hex128();

/// 64 bits of a fast generator seeded from the operating system: trace ids, jitter. No secret depends on it.
std::uint64_t random_bits();

/// For simulations: everything above comes from this seed from now on, in this process, and is no secret any more.
void predictable_ids(std::uint64_t seed);

/// 0 <= n < bound (bound > 0); for jitter.
std::uint32_t random_below(std::uint32_t bound);

}  // namespace wsidecar::proto
