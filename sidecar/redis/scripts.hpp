#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// A Lua script of Redis: EVALSHA, and EVAL when the server does not know it (yet, or after SCRIPT FLUSH). All keys share the
/// prefix's slot; the first argument is the prefix. The texts are the files of redis/lua, which say what each takes and returns;
/// a script's work is bounded: it takes Redis less than 10 ms.
class script {
public:
    explicit script(std::string_view text) : text_(text) {}

    /// `key`: one key that tells Cluster where to run. `done` as command_port::send. With Redis 7 the script runs also while Redis is
    /// out of memory (allow-oom): a full Redis must be able to drain; below 7 a first write that needs no memory does the same.
    void run(command_port& on, const std::string& key, std::vector<std::string> arguments,
             command_port::handler done = {}) const;

private:
    struct form {
        std::string source;
        std::string sum;  ///< SHA-1, in hex
    };
    const form& for_version(int major) const;

    std::string_view text_;
    mutable form plain_;  ///< made at the first use
    mutable form allowing_oom_;
};

namespace scripts {
// Leases, and what becomes of an instance that has none.
extern const script beat, bury, evacuate, roll, take_work, end_work, queue_callback;
// Connections in the registry.
extern const script enroll, retire, forget, bequeath;
// The outbox: who routes it, and what routing does.
extern const script lead, resign, peek, divide, commit, refuse_head, reject_once, trim_broadcast, sweep;
// What the shards of a service have for each other.
extern const script outgoing, sent, receive;
// What was pushed lately.
extern const script recall, begin_history, age_history;
// What an instance has delivered.
extern const script settle;
// Questions of operators.
extern const script answer, seek;
}  // namespace scripts

}  // namespace wsidecar::redis
