#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// A Lua script that runs in Redis: by EVALSHA, or by EVAL if the server does not have it (yet, or after SCRIPT FLUSH). The first argument
/// is the prefix, and all keys are in the prefix's slot. The files of redis/lua say what each script takes and returns. Each call takes
/// Redis less than 10 ms. Event loop only.
class script {
public:
    explicit script(std::string_view text) : text_(text) {}

    /// `key` determines the slot in a cluster. `done` is as in command_port::send. The script also runs while Redis is out of memory, so
    /// that a full Redis can be drained: by the flag allow-oom since Redis 7, and before by a first write that needs no memory.
    void run(command_port& on, const std::string& key, std::vector<std::string> arguments,
             command_port::handler done = {}) const;

private:
    struct form {
        std::string source;
        std::string sum;  ///< SHA-1, in hex
    };
    const form& for_version(int major) const;

    std::string_view text_;
    mutable form plain_;  ///< made on first use
    mutable form allowing_oom_;
};

namespace scripts {
// Leases, and taking over from an instance without one.
extern const script beat, bury, evacuate, roll, take_work, end_work, queue_callback;
// Connections in the registry.
extern const script enroll, retire, forget, bequeath;
// The router's lease and the steps of routing.
extern const script lead, resign, peek, divide, commit, refuse_head, reject_once, trim_broadcast, sweep;
// Transfer of items between shards.
extern const script outgoing, sent, receive;
// Histories.
extern const script recall, begin_history, age_history;
// Settling what an instance has delivered.
extern const script settle;
// Questions of operators.
extern const script answer, seek;
}  // namespace scripts

}  // namespace wsidecar::redis
