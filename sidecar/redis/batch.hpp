#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/redis/outbox_entry.hpp"
#include "sidecar/redis/shards.hpp"
#include "sidecar/redis/source.hpp"

namespace wsidecar::redis {

/// What the router makes of the outbox's head: arguments of the commit script, no decision about where anybody is.
struct batch {
    std::string sum;  ///< SHA-1 of the entries that it covers as peeked (of a stream: their ids), each as `length:bytes`
    std::size_t entries = 0;            ///< how many it covers: no more than one commit may work on
    std::vector<std::string> actions;   ///< flat, in order: see build_batch
    std::vector<std::string> rejected;  ///< label of each rejected envelope, for the counter
    std::size_t expired = 0;            ///< pushes whose ttl is over
    std::size_t sent = 0;               ///< parts that go to other shards
    std::vector<std::string> ids;       ///< of the pushes, one for each action ("": it is none)
    struct ended {
        std::string id;
        std::string target;
        const char* outcome;
        const char* reason;
    };
    std::vector<ended> ended_here;  ///< with an id, and not routed
    /// The first entry is too much for one commit: arguments of the divide script from `attempts` on. Empty: it is not.
    std::vector<std::string> division;
};

/// Entries of the outbox, or (`returned`) of what was put in front of it, as actions:
///   one, target, envelope
///   push, envelope or "@" and its body's id, attempts, order, tally, receipt key, id, expires (ms), "m" to keep it for who is away, the one
///         name it is for (or ""), "1" with a callback (or ""), groups to join (one a line), n, n targets: names with their kind in front
///   history, n, n words: of each name of the next push whose history is kept the name, and its rule's count, bytes and age (ms)
///   reject, record
///   note, receipt key, id, target, outcome, reason, tally, order when it was first routed
///   more, id of a tally: its part becomes two
///   done, id of a body that an entry referred to
///   tally, id, parts, receipt key, id of the push, callback: of a push whose parts are in several shards
///   send, number of another shard, item (lua/parts/shards.lua)
/// Envelopes get an id and, with a ttl, a time where the app gave none; one that has failed `max_attempts` times is not routed again.
/// `at`: the shard that is routed. What is for names of others goes there.
batch build_batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred, const config::config& c,
                  std::chrono::system_clock::time_point now, shard_number at = {});

/// The same for the entries of a list or stream that an app writes in its own form.
batch build_batch(const std::vector<std::string_view>& entries, const source_reader& reader, const config::config& c,
                  std::chrono::system_clock::time_point now, shard_number at = {});

inline constexpr unsigned max_attempts = 16;
/// Names that one commit looks up: what takes Redis less than 10 ms, with what follows from each.
inline constexpr std::size_t targets_at_once = 400;

}  // namespace wsidecar::redis
