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

/// The arguments of the commit script that the router makes from the entries at the head of the outbox. The script, not the batch,
/// decides where each push goes.
struct batch {
    std::string sum;          ///< SHA-1 of the covered entries as peeked (for a stream, of their ids), each as `length:bytes`
    std::size_t entries = 0;  ///< how many entries are covered; at most what one commit may process
    std::vector<std::string> actions;   ///< a flat list, in order; see build_batch
    std::vector<std::string> rejected;  ///< the metric label of each rejected envelope
    struct told {
        std::string id;     ///< of the envelope; "" if it has none that can be read
        std::string words;  ///< what is wrong, in words of the program alone
    };
    std::vector<told> rejected_told;  ///< of each rejected envelope, for the log
    std::size_t expired = 0;          ///< number of pushes whose ttl has passed
    std::size_t sent = 0;             ///< number of parts that go to other shards
    std::vector<std::string> ids;     ///< for each action the id of its push, or ""
    struct ended {
        std::string id;
        std::string target;
        const char* outcome;
        const char* reason;
    };
    std::vector<ended> ended_here;  ///< pushes with an id that are not routed
    /// If the first entry is too large for one commit: the arguments of divide.lua from `attempts` on. Otherwise empty.
    std::vector<std::string> division;
};

/// Converts entries of the outbox, or with `returned` those of `outbox:returned`, into actions:
///   one, target, envelope
///   push, envelope or "@" and its body's id, attempts, order, tally, receipt key, id, expires (ms since the epoch), "m" for a mailbox
///         push, the only target (or "" for several), groups to join (one per line), n, n targets: names with their kind in front
///   history, n, n words: for each name of the next push that has a history rule: the name, and the rule's count, bytes and age (ms)
///   reject, record
///   note, receipt key, id, target, outcome, reason, tally, order of the first routing
///   more, id of a tally: adds a part to it
///   done, id of a body: releases the reference of an entry
///   tally, id, parts, receipt key, id of the push: counts a push whose parts are in several shards
///   send, number of another shard, item (lua/parts/shards.lua)
/// Adds an id, and with a ttl the current time, to envelopes that lack them. A push whose routing has failed `max_attempts` times is
/// not routed again. `at` is the shard whose outbox is routed; parts for names of other shards become `send` actions.
batch build_batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred, const config::config& c,
                  std::chrono::system_clock::time_point now, shard_number at = {});

/// The same for the entries of a list or stream that an app writes in its own form.
batch build_batch(const std::vector<std::string_view>& entries, const source_reader& reader, const config::config& c,
                  std::chrono::system_clock::time_point now, shard_number at = {});

inline constexpr unsigned max_attempts = 16;
/// The most names that one commit looks up. With the work that follows from each name, a commit takes Redis less than 10 ms.
inline constexpr std::size_t targets_at_once = 400;

}  // namespace wsidecar::redis
