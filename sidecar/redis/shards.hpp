#pragma once

// A service on several hash tags (`shards`): which shard a name belongs to, and what of a connection's registration each shard needs.

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

inline constexpr unsigned shards_at_most = 64;

/// One of so many shards.
struct shard_number {
    unsigned here = 0;
    unsigned count = 1;

    bool several() const { return count > 1; }
};

/// The first shard has the service's own prefix; the others have their number in its hash tag: `{orders}:`, `{orders:01}:`, ...
std::string shard_prefix(const std::string& prefix, unsigned shard);

/// The shard of a name with its kind in front, as scripts and entries hold them: the slot of the address (`user:alice`) modulo the number of shards.
/// All pushes are in the first shard. What every shard has (patterns, canaries) is in the one that asks.
unsigned shard_of(std::string_view name, shard_number at);

/// The shards that must know of this connection, one bit for each. The one of its id speaks for it, and comes first: `conn:<id>` is there.
std::uint64_t shards_of(const core::registration& r, unsigned count);

/// What the shard `at` is told of a connection: who it is, and of the audiences that it belongs to those that are in this shard.
core::registration part_of(core::registration r, shard_number at);

}  // namespace wsidecar::redis
