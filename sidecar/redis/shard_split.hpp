#pragma once

#include "config/config.hpp"
#include "proto/envelope.hpp"
#include "sidecar/redis/commit_actions.hpp"
#include "sidecar/redis/outbox_entry.hpp"
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// Splits outbox entries by shard: parts for names of other shards become `send` actions (redis/courier carries them).
class shard_split {
public:
    /// `at` is the shard whose outbox is routed.
    shard_split(const config::config& c, shard_number at, commit_actions& actions) : config_(c), at_(at), actions_(actions) {}

    /// Leaves only the names of this shard in envelope and entry. Returns false if there are none. Sets `is_as_written` to false if the
    /// envelope is no longer as the app wrote it.
    bool send_elsewhere(proto::envelope_item& item, outbox_entry& from, bool& is_as_written);

private:
    void count_parts(proto::envelope& e, outbox_entry& from, std::size_t parts);

    const config::config& config_;
    shard_number at_;
    commit_actions& actions_;
};

}  // namespace wsidecar::redis
