#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/resp.hpp"

namespace wsidecar::redis {

/// What there is for any instance to do.
struct work {
    bool lost = false;       ///< disconnect events of dead instances wait in `lost`
    bool callbacks = false;  ///< apps are to be told of deliveries: `callbacks`
    bool unrouted = false;   ///< nobody routes the outbox
    bool unwatched = false;  ///< nobody on duty (roster.hpp) looks for dead instances
};

/// What became of a heartbeat, and what Redis said (lua/beat.lua).
struct heartbeat {
    enum class outcome : std::uint8_t {
        unanswered,    ///< the connection went
        renewed,       ///< the lease holds; all below is known
        fenced,        ///< a survivor has taken this instance for dead
        other_layout,  ///< a version before 0.2 wrote what is under the prefix
        other_shards,  ///< it is spread over `detail` shards
        other_config,  ///< `peer` lives with other settings: `detail`
        other_format,  ///< `peer` lives with format `detail`, which this version cannot mix with
        names_wanted,  ///< a generation has to begin: the next heartbeat must name all instances
        refused,       ///< Redis refuses it: `detail` is its error
    };

    outcome what = outcome::unanswered;
    std::string detail;
    std::string peer;
    bool ends_told = false;  ///< fenced: survivors knew its connections, and tell their ends

    std::string epoch;             ///< of these data
    std::string generation;        ///< their history
    bool was_held = false;         ///< the lease had not ended before
    std::string broadcast_cursor;  ///< up to where Redis has it that the broadcast stream was read
    std::int64_t roster = 0;       ///< counts the changes of the roster of instances
    bool began = false;            ///< a generation began with this heartbeat
    bool overflowed = false;       ///< pushes wait behind this instance's inbox
    work todo;
    std::optional<std::chrono::milliseconds> sharded_for;  ///< how long the service has had its shards
};

heartbeat read_heartbeat(proto::reply_view r);

/// Why this instance cannot run beside what is under the prefix; empty: it can.
std::string conflict_of(const heartbeat& h, const std::string& prefix, int format, unsigned shards);

}  // namespace wsidecar::redis
