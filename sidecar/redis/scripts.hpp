#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// A Lua script of Redis: EVALSHA, and EVAL when the server does not know it (yet, or after SCRIPT FLUSH). All keys share the
/// prefix's slot; the first argument is the prefix.
class script {
public:
    /// The source in pieces: parts that it shares with others (script_parts.hpp), then its own.
    script(std::initializer_list<const char*> parts) : parts_(parts) {}

    /// `key`: one key that tells Cluster where to run. `done` as command_port::send. With Redis 7 the script runs also while Redis is
    /// out of memory (allow-oom): a full Redis must be able to drain.
    void run(command_port& on, const std::string& key, std::vector<std::string> arguments, command_port::handler done = {}) const;

private:
    struct text {
        std::string source;
        std::string sum;  ///< SHA-1, in hex
    };
    const text& for_version(int major) const;

    std::vector<const char*> parts_;
    mutable text plain_;  ///< made at the first use
    mutable text allowing_oom_;
};

namespace scripts {
// scripts_instances.cpp
extern const script beat;  ///< prefix instance lease_ms complete about format pop outbox known_epoch new_epoch -> {word, ...}
extern const script suspects;   ///< prefix lease_ms -> instances whose lease is over
extern const script bury;       ///< prefix lease_ms instance -> 1: tombstone set (or there), 0: it lives
extern const script evacuate;   ///< prefix instance outbox_key batch grace_ms now -> {left, connections}
extern const script take_owed;  ///< prefix instance queue count -> entries, which are in queue:<instance> now
extern const script owed_done;  ///< prefix instance queue taken entries...: gone, or, when not taken, back in the queue
extern const script owe_once;   ///< prefix sha1 entry: into callbacks, unless the same was within 10 s

// scripts_connections.cpp
/// prefix instance id user aliases groups path state since mode limit on_excess grace_ms -> {word, count, evicted, mailbox}
extern const script enroll;
extern const script retire;  ///< prefix instance id grace_ms -> {word, left}
extern const script forget;  ///< prefix instance id grace_ms

// scripts_router.cpp. `feed`: "" for the outbox, else ":" and the list of a source.
extern const script lead;    ///< prefix token feed lease_ms -> 1: this token routes, 0: another one
extern const script resign;  ///< prefix token feed
/// prefix token feed list pop max_entries max_bytes skip_returned skip batch_bytes -> {word, source, entries...}
extern const script peek;
extern const script commit;       ///< see router::commit
extern const script refuse_big;   ///< prefix token feed list pop source sha1 record rejected_max
extern const script reject_once;  ///< prefix sha1 record rejected_max
extern const script trim_wide;    ///< prefix
extern const script sweep;        ///< prefix now -> {expired, too old, gone, nobody, receipts failed, mailboxes}

// scripts_inbox.cpp
/// prefix instance outbox_key wide_cursor now below n n_stream_ids (stream_id wide back fan reached dropped receipt_key id target outcome reason
/// connection lines callback)... -> receipts that could not be written
extern const script settle;
}  // namespace scripts

}  // namespace wsidecar::redis
