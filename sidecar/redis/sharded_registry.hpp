#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/registry.hpp"
#include "sidecar/redis/shard.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Registers each connection in the shards that need it: those of its id, its user, its groups and its other names. With one shard,
/// everything goes to that one. Event loop only.
class sharded_registry {
public:
    sharded_registry(const std::vector<std::unique_ptr<shard>>& shards, const config::config& c)
        : shards_(shards), config_(c), any_{0, c.shards} {}

    /// As the functions of registry, for all shards concerned. `done` gets the combined answer of all of them.
    void announce(const core::registration& r, registry::counted done);
    void enroll(const core::registration& r, registry::counted done);
    void retire(const core::registration& last, registry::retired done);
    void forget(const std::string& connection);
    void bequeath(const core::lost_connection& lost);

    /// The connections out of `all` that this shard stores, each reduced to the shard's part.
    std::vector<core::registration> part_for(unsigned number, std::vector<core::registration> all) const;
    /// The shard of a name with its kind in front.
    shard& of_name(const std::string& name) const { return *shards_[shard_of(name, any_)]; }

private:
    struct answers;
    struct home {
        std::uint64_t shards = 0;  ///< shards that may have the connection, one bit for each
        std::string user;
    };

    bool is_whole_in_first() const;
    std::uint64_t needs(const core::registration& r) const;
    core::registration part(const core::registration& r, unsigned number) const;
    void enroll_in(std::uint64_t shards, const core::registration& r, const std::shared_ptr<answers>& all);
    template <class F>
    void for_each(std::uint64_t shards, const F& f) const;

    const std::vector<std::unique_ptr<shard>>& shards_;
    const config::config& config_;
    shard_number any_;                             ///< only its `count`, the number of shards, is used
    std::unordered_map<std::string, home> homes_;  ///< by connection; used only with several shards
};

}  // namespace wsidecar::redis
