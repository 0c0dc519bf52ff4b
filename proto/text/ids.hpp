#pragma once

#include <cstdint>
#include <string>

namespace wsidecar::proto {

/// Returns an id that cannot be guessed and is unique across pods: 100 random bits from the operating system as 20 characters of base 32.
std::string new_connection_id();

/// Returns 128 random bits as 32 hexadecimal digits, for tokens and push ids.
std::string random_hex128();

/// Returns 64 bits of a fast generator that is seeded by the operating system, for trace ids and jitter. Never use it for secrets.
std::uint64_t random_bits();

/// For simulations: from now on, everything above comes from this seed in this process, and is no secret any more.
void predictable_ids(std::uint64_t seed);

/// Returns a random number n with 0 <= n < bound, for jitter. `bound` must be greater than 0.
std::uint32_t random_below(std::uint32_t bound);

}  // namespace wsidecar::proto
