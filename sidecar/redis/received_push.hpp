#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sidecar/core/ports.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/kept.hpp"

namespace wsidecar::redis {

/// Where an instance has a push from.
enum class push_source : std::uint8_t {
    inbox,      ///< an entry of its inbox
    broadcast,  ///< an entry of the broadcast stream
    handover,   ///< the handover of a dead instance, which an entry of its inbox names
    kept,       ///< what was kept for somebody who has come back, which an entry of its inbox claims
};

/// Where a push is between being read and being settled in Redis.
enum class push_stage : std::uint8_t {
    delivering,  ///< its clients have not all confirmed it, and Redis has it
    moving,      ///< on its way from the broadcast stream into the inbox, because a client is slow
    orphaned,    ///< it was read in another history of Redis, and this one may not have it
};

/// A push that this instance has taken, until Redis knows how it ended.
struct received_push {
    place
        id;  ///< of its entry; of one from a handover, or kept: of the entry that names all of these, which ends with the last of them
    push_source source = push_source::inbox;
    push_stage stage = push_stage::delivering;
    std::string name;             ///< the one name it is for; empty: several, a group, a destination or all
    std::string push_id;          ///< where a receipt is wanted
    std::string callback;         ///< what the app is told once it is delivered
    std::uint64_t content = 0;    ///< a hash of envelope and names: what it is, whatever its id in a stream
    unsigned attempts = 0;        ///< how often routing has failed before
    bool for_connection = false;  ///< from a mailbox, or kept: for the one connection that claims it
    bool needs_report =
        false;             ///< Redis must hear how it ended: for a receipt, other instances or parts, or a body that it owns
    bool receipt = false;  ///< a receipt is wanted
    std::string handover;  ///< of push_source::handover: its name
    place handover_id;     ///< and the push's place there
    std::shared_ptr<const kept_push> kept;                ///< of push_source::kept
    std::shared_ptr<const core::delivery_outcome> ended;  ///< how it ended while it was moving or orphaned

    /// It has no entry of its own.
    bool is_part() const { return source == push_source::handover || source == push_source::kept; }
};

/// A push and how it ended here.
struct ended_push {
    received_push push;
    core::delivery_outcome outcome;
};

}  // namespace wsidecar::redis
