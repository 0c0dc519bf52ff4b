#pragma once

#include "config/config.hpp"
#include "proto/envelope.hpp"
#include "sidecar/redis/commit_actions.hpp"
#include "sidecar/redis/outbox_entry.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Sends what an outbox entry has for names of other shards of the service there (redis/courier).
class shard_split {
public:
    /// `at`: the shard whose outbox is routed.
    shard_split(const config::config& c, shard_number at, commit_actions& actions) : config_(c), at_(at), actions_(actions) {}

    /// Leaves only names of this shard in envelope and entry. False: there are none. `is_as_written`: the envelope is as its app wrote it; false
    /// afterwards where that is not true any more.
    bool send_elsewhere(proto::envelope_item& item, outbox_entry& from, bool& is_as_written);

private:
    void count_parts(proto::envelope& e, outbox_entry& from, std::size_t parts);

    const config::config& config_;
    shard_number at_;
    commit_actions& actions_;
};

}  // namespace wsidecar::redis
