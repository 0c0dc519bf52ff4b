#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proto/resp.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/batch.hpp"

namespace wsidecar::redis {

/// Hears what became of a push at the router (push_port::on_routed).
using push_ended =
    std::function<void(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason)>;

/// Counts what lua/commit.lua says that it has done with a batch. `list`: where the batch was taken from, for the log.
void count_commit(proto::reply_view r, const batch& b, core::metrics& m, const std::string& list);

/// Tells what became of each push of a batch that has an id. `told`: of each that no instance was given, its number among the actions, target, outcome
/// and reason; of earlier pushes that had to leave a mailbox, their id in place of the number.
void tell_ended(proto::reply_view told, const batch& b, const push_ended& tell);

}  // namespace wsidecar::redis
