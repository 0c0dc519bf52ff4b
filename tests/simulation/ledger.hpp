#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/people.hpp"
#include "tests/simulation/redis_store.hpp"

namespace wsidecar::simulation {

/// A push that Redis took (or, by a channel, was published).
struct push {
    enum class door { list, channel, source };
    std::uint32_t number = 0;
    door by = door::list;
    instant at = 0;
    std::uint64_t write = 0;  ///< the number of Redis' write that took it
    bool excused = false;     ///< a Redis that went back in time has never had it
    bool everywhere = false;  ///< to all
    std::vector<std::string> users, aliases, groups, connections;
    std::vector<std::string> except_users;
    std::string destination;  ///< of the broker, or, with users, their own
    bool mailbox = false;
    bool receipt = false;
    bool closes = false;
    std::optional<instant> ttl;
    std::optional<stream_id> entry;  ///< of a stream
    bool removed = false;            ///< the app took it out of its stream before it was routed
    bool unread = false;             ///< ... and before it was read
    std::size_t size = 0;            ///< bytes of it in a history, at most
    std::string join;
    std::size_t targets() const { return users.size() + aliases.size() + connections.size(); }
    bool of_broker() const { return !destination.empty() && users.empty(); }
    /// A group, * for all, or a destination of the broker.
    bool is_for(const std::string& crowd) const {
        return crowd == "*"           ? everywhere
               : destination == crowd ? of_broker()
                                      : std::find(groups.begin(), groups.end(), crowd) != groups.end();
    }
    bool one_by_one() const { return groups.empty() && !everywhere && !of_broker(); }
};

/// What the apps were told of a connection.
struct told {
    int pod = 0;
    int device = 0;
    bool connected = false;  ///< the app has taken the connect event
    bool asked = false;      ///< or may have
    int ends = 0;
    instant first_end = -1;
    instant at = 0;
};

/// A connection asks for the latest pushes to a name.
struct wish {
    std::uint32_t count = 0;
    instant at = 0;
    std::string event;  ///< the answer to which event says so
};

struct violation {
    std::string kind;
    std::string what;
};

/// What happened, for the checks.
struct ledger {
    std::vector<push> pushes;
    std::vector<std::shared_ptr<visit>> visits;
    std::map<std::string, told> events;                         ///< by connection
    std::map<std::string, std::map<std::string, wish>> wishes;  ///< by connection and name: a group, * or a destination
    std::map<std::uint32_t, int> callbacks;                     ///< `delivered` calls that the app took, by push
    std::vector<std::pair<instant, instant>> troubles;          ///< when Redis, or the way to it, was not well
    std::map<int, std::vector<std::pair<instant, instant>>> pod_troubles;
    std::map<int, std::vector<instant>> deaths;  ///< of instances, by SIGKILL
    std::vector<instant> losses;                 ///< Redis lost writes
    std::vector<instant> clock_steps;            ///< of Redis' clock, by which the grace is measured
    std::set<std::uint32_t> refused;             ///< pushes that a client has answered with a NACK
    bool any_fault = false;
    bool any_kill = false;
    bool group_gone = false;
    bool app_hung = false;  ///< it may have taken what its answer did not say
    std::vector<violation> violations;
};

}  // namespace wsidecar::simulation
