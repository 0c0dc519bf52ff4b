#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/core/ports.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/kept.hpp"

namespace wsidecar::redis {

/// Where an instance got a push from.
enum class push_source : std::uint8_t {
    inbox,      ///< an entry of its inbox
    broadcast,  ///< an entry of the broadcast stream
    handover,   ///< a dead instance's handover, which an inbox entry names
    kept,       ///< a kept push, which an inbox entry claims for a member who has come back
};

/// Where a push is between being read and being settled in Redis.
enum class push_stage : std::uint8_t {
    delivering,  ///< not all clients have confirmed it; Redis holds it
    moving,      ///< being moved to a new entry of the inbox, because a client is slow
    orphaned,    ///< read in another history of Redis; the current one may lack it
};

/// A push that this instance has read, until its outcome is in Redis.
struct received_push {
    place id;  ///< id of its entry; for a handover's or a kept push, of the entry that names all of them and ends with the last
    push_source source = push_source::inbox;
    push_stage stage = push_stage::delivering;
    std::string name;             ///< the only target; empty for several names or an audience
    std::string push_id;          ///< the push's id, if a receipt is wanted
    std::string callback;         ///< the pending callback that is queued on delivery
    std::uint64_t content = 0;    ///< a hash of envelope and names, which identifies the push independently of its place
    unsigned attempts = 0;        ///< how often routing has failed before
    bool for_connection = false;  ///< only for the connection that claims it, from a mailbox or as a kept push
    bool needs_report =
        false;  ///< the outcome must be written to Redis: for a receipt, for other instances or parts, or because it owns a body
    bool receipt = false;  ///< whether a receipt is wanted
    std::string handover;  ///< with push_source::handover: the handover's name
    /// Names to route a push to an audience to again, because their connections ended while others still have to confirm it.
    std::vector<std::string> lost;
    std::vector<std::string> lost_before;                 ///< those of them that a move has already routed again
    place handover_id;                                    ///< with push_source::handover: the push's id in it
    std::shared_ptr<const kept_push> kept;                ///< with push_source::kept: the push; otherwise null
    std::shared_ptr<const core::delivery_outcome> ended;  ///< its outcome, if it ended while moving or orphaned; otherwise null

    /// Whether the push shares its inbox entry with others.
    bool is_part() const { return source == push_source::handover || source == push_source::kept; }
};

/// A push and its outcome at this instance.
struct ended_push {
    received_push push;
    core::delivery_outcome outcome;
};

}  // namespace wsidecar::redis
