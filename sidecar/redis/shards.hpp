#pragma once

// A service may be spread over several hash tags (`shards`). These functions say which shard a name belongs to, and which part of a
// connection's registration each shard stores.

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/place.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

inline constexpr unsigned shards_at_most = 64;

/// A shard's number and the number of shards.
struct shard_number {
    unsigned here = 0;
    unsigned count = 1;

    bool several() const { return count > 1; }
};

/// A place that shard `at` has given, as the whole service has it: with several shards, the shard's number is added.
inline core::place in_shard(core::place p, shard_number at) {
    return at.several() ? core::in_shard(p, at.here) : p;
}

/// The prefix of a shard's keys. Shard 0 has the service's own prefix; the others add their number to its hash tag: `{orders}:`,
/// `{orders:01}:`, ...
std::string shard_prefix(const std::string& prefix, unsigned shard);

/// The shard of a name with its kind letter in front, the form that scripts and entries use: CLUSTER KEYSLOT of the address
/// (`user:alice`) modulo the number of shards. `all` is in shard 0. Names that exist in every shard (patterns, canaries) give `at.here`.
unsigned shard_of(std::string_view name, shard_number at);

/// Whether this is the shard of the connection's id, from which its disconnect event is sent.
inline bool is_home_of(const std::string& connection, shard_number at) {
    return shard_of('c' + connection, at) == at.here;
}

/// The shards in which this connection is registered, one bit for each. The shard of its id also holds `conn:<id>`.
std::uint64_t shards_of(const core::registration& r, unsigned count);

/// The part of a registration that shard `at` stores: the connection's identity, and those of its groups and destinations that are in
/// this shard.
core::registration part_of(core::registration r, shard_number at);

}  // namespace wsidecar::redis
