#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/endpoint.hpp"

namespace wsidecar::redis {

/// One connection to Redis as the state machines of this folder see it: commands go out in order, replies come back in order.
/// redis/link is the implementation over a socket; tests/simulation has one that injects faults. Event loop only.
class command_port {
public:
    using handler = std::function<void(proto::reply_view)>;

    struct hooks {
        std::function<void()> up;                        ///< the connection has logged in; commands may be sent
        std::function<void()> down;                      ///< the connection was lost
        std::function<void(proto::reply_view)> message;  ///< subscriber connections: every reply goes here
    };

    virtual ~command_port() = default;

    virtual void start(hooks h) = 0;
    /// Closes the connection for good. No callback runs afterwards.
    virtual void stop() = 0;

    /// Sends a command. `done` gets the reply, or a null reply if the connection is lost first; Redis may or may not have run the command
    /// then. While the connection is down, `done` runs with a null reply before send() returns. `blocking` is how long the command itself
    /// may wait in Redis.
    virtual void send(const std::vector<std::string>& words, handler done = {}, std::chrono::milliseconds blocking = {}) = 0;

    /// Sets the address and the login of the next connection. The current one stays open.
    virtual void configure(const endpoint& where) = 0;
    /// Drops the connection and dials again. `why` is for the log.
    virtual void reset(std::string_view why) = 0;
    /// As reset(), for a connection that works but may lead to the wrong server. If it is back within 1 s at the same process as before,
    /// well_since() stays as it was.
    virtual void redial(std::string_view why) { reset(why); }

    virtual bool up() const = 0;
    /// "ok", or a description of the problem for operators.
    virtual const std::string& state() const = 0;
    /// The time since when the connection has been up and every reply has come within 1 s. max() if it is down or the last reply was late.
    virtual std::chrono::steady_clock::time_point well_since() const = 0;
    /// Identifies the history of the data at the other end by the run_id of INFO, so each Redis process, and so each master, has its own.
    /// (master_replid would not do: it changes when a master gets its first replica.) Empty if Redis refuses INFO; then each new connection
    /// may have met another history.
    virtual const std::string& history() const = 0;
    virtual int major_version() const = 0;
};

/// Makes the connections of one instance. `name` is for the log and CLIENT SETNAME. In a cluster, the connection goes to the master of
/// the slot of `prefix`.
using connector = std::function<std::unique_ptr<command_port>(const std::string& name, const std::string& prefix)>;

}  // namespace wsidecar::redis
