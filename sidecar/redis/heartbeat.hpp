#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/resp.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// Work that waits for any instance, as a heartbeat's reply reports it.
struct work {
    bool lost = false;       ///< disconnect events of dead instances wait in `lost`
    bool callbacks = false;  ///< pending callbacks wait in `callbacks`
    bool unrouted = false;   ///< no instance routes the outbox
    bool unwatched = false;  ///< no instance on duty (roster.hpp) looks for dead instances
};

/// The outcome of a heartbeat and the reply of lua/beat.lua.
struct heartbeat {
    enum class outcome : std::uint8_t {
        unanswered,    ///< the connection was lost
        renewed,       ///< the lease is renewed; the members below are valid
        fenced,        ///< a survivor has declared this instance dead
        other_layout,  ///< a version before 0.2 wrote the data under the prefix
        other_shards,  ///< the service has `detail` shards
        other_config,  ///< the live instance `peer` has other settings: `detail`
        other_format,  ///< the live instance `peer` uses format `detail`, which this version cannot work with
        names_wanted,  ///< a new generation has to begin; the next heartbeat must name all instances
        refused,       ///< Redis refused the command; `detail` is its error
    };

    outcome what = outcome::unanswered;
    std::string detail;
    std::string peer;
    core::ends_told told = core::ends_told::yes;  ///< if fenced

    std::string epoch;             ///< id of the data
    std::string generation;        ///< id of the data's history
    bool was_held = false;         ///< the lease had not expired before this heartbeat
    std::string broadcast_cursor;  ///< this instance's position in the broadcast stream, as stored in Redis
    std::int64_t roster = 0;       ///< number of the roster's latest change
    bool began = false;            ///< a generation began with this heartbeat
    bool overflowed = false;       ///< pushes wait in `overflow:<instance>` because the inbox is full
    work todo;
    std::optional<std::chrono::milliseconds>
        sharded_for;  ///< how long ago the service was spread over shards; nullopt if it was not
};

heartbeat read_heartbeat(proto::reply_view r);

/// Why this instance cannot work with the data under the prefix; empty if it can.
std::string conflict_of(const heartbeat& h, const std::string& prefix, int format, unsigned shards);

}  // namespace wsidecar::redis
