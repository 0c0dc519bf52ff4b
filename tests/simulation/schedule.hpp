#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/sim_time.hpp"

namespace wsidecar::simulation {

/// What a schedule can do. The faults are kinds of their own, so that `--only` and shrinking can leave some out.
enum class act : std::uint8_t {
    // the app's pushes
    push,
    channel_push,
    source_push,
    stomp_push,
    stream_push,  ///< one or several entries, some of them with a MAXLEN
    stream_trim,  ///< the app takes entries out, read or not
    // clients
    cut,
    vanish,
    leave,
    hush,
    move,
    say,
    tunnel,       ///< several of them are silent and are cut off again and again
    resubscribe,  ///< one that speaks STOMP unsubscribes, and subscribes again
    newcomer,     ///< somebody who has not been there yet comes, or goes again
    // instances
    kill,
    freeze,
    drain,
    start,
    // their links
    cut_link,
    cut_links,
    late_link,
    answer_lost,
    command_lost,
    answer_late,
    dies_behind,
    stall,
    // Redis
    outage,
    failover,
    failover_behind,  ///< ... to a master whose clock is behind
    emptied,
    split,
    full,
    read_only,
    busy,
    clock,
    scripts_flushed,
    migration,
    group_gone,  ///< a stream's consumer group
    // the app
    app_refuses,
    app_away,
    app_hangs,
};
inline constexpr std::size_t acts = static_cast<std::size_t>(act::app_hangs) + 1;
const char* name_of(act a);
bool is_fault(act a);  ///< of instances, links, Redis; not clients and apps

struct action {
    instant when = 0;
    act what = act::push;
    std::uint32_t a = 0, b = 0, c = 0, d = 0;  ///< what these mean is said where they are used (world_acts.cpp)
    std::string describe() const;
};

/// A name whose latest pushes are kept.
struct kept_name {
    std::string name;  ///< as the configuration says it
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
    instant age = 0;
};

/// Everything that a seed decides in advance. The rest (how long each message takes) comes from the seed as it goes.
struct schedule {
    std::uint64_t seed = 0;
    int pods = 3;
    int redis = 7;  ///< major version
    bool no_info = false;
    bool stomp = false;  ///< some speak STOMP
    enum class stream_form { none, fields, payload };
    stream_form stream = stream_form::none;  ///< the app writes to a stream, too, in the entry's fields or in one of them
    bool stream_to_groups = false;
    bool stream_from_start = false;
    std::vector<kept_name> histories;
    bool event_source = false;    ///< one of the people listens by server-sent events
    int lease = 3;                ///< s
    unsigned shards = 1;          ///< of the service, all on this Redis
    instant until = 15 * second;  ///< when the last action is over and everything heals
    std::vector<action> actions;
};

struct choice {
    std::vector<act> only;  ///< fault kinds allowed; empty: all
    bool no_faults = false;
    unsigned shards = 1;
};

schedule make_schedule(std::uint64_t seed, const choice& c);

}  // namespace wsidecar::simulation
