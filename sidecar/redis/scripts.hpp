#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/link.hpp"

namespace wsidecar::redis {

/// A Lua script of Redis: EVALSHA, and EVAL when the server does not know it (yet, or after SCRIPT FLUSH). All keys share the
/// prefix's slot; the first argument is the prefix.
class script {
public:
    explicit script(const char* source) : prelude_(""), source_(source) {}
    /// `prelude`: functions that several scripts share, put in front.
    script(const char* prelude, const char* source) : prelude_(prelude), source_(source) {}

    /// `key`: one key that tells Cluster where to run. `done` as link::send. With Redis 7 the script runs also while Redis is
    /// out of memory (allow-oom): a full Redis must be able to drain.
    void run(link& on, const std::string& key, std::vector<std::string> arguments, link::handler done = {}) const;

private:
    const char* prelude_;
    const char* source_;
};

namespace scripts {
extern const script beat;  ///< prefix instance lease_ms complete about format pop outbox known_epoch new_epoch -> {word, ...}
extern const script
    enroll;  ///< prefix instance id user aliases groups path state since mode limit on_excess -> {word, count, evicted}
extern const script retire;       ///< prefix instance id -> {word, left}
extern const script forget;       ///< prefix instance id
extern const script lead;         ///< prefix token lease_ms -> 1: this token routes, 0: another one
extern const script resign;       ///< prefix token
extern const script peek;         ///< prefix token outbox_key pop max_entries max_bytes -> {word, source, entries...}
extern const script commit;       ///< see router.cpp
extern const script refuse_big;   ///< prefix token outbox_key pop source sha1 record rejected_max
extern const script reject_once;  ///< prefix sha1 record rejected_max
extern const script give_back;    ///< prefix instance outbox_key (stream id, element)...
extern const script trim_wide;    ///< prefix
extern const script suspects;     ///< prefix -> instances without a lease
extern const script bury;         ///< prefix instance -> 1: tombstone set (or there), 0: it lives
extern const script evacuate;     ///< prefix instance outbox_key batch -> {left, connections}
extern const script take_lost;    ///< prefix instance count -> entries
extern const script lost_done;    ///< prefix instance entry taken
}  // namespace scripts

}  // namespace wsidecar::redis
