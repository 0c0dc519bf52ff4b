#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proto/resp.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/batch.hpp"

namespace wsidecar::redis {

/// Receives the outcome of a push that ended in the router (push_port::on_routed).
using push_ended =
    std::function<void(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason)>;

/// Updates the metrics from the reply of lua/commit.lua to a batch. `list` names the list of the batch, for the log.
void count_commit(proto::reply_view r, const batch& b, core::metrics& m, const std::string& list);

/// Calls `tell` with the outcome of each push of a batch that has an id. `told` is a part of the script's reply: for each push that
/// went to no instance, its action's number, target, outcome and reason. Earlier pushes that were removed from a mailbox have their id
/// in place of the number.
void tell_ended(proto::reply_view told, const batch& b, const push_ended& tell);

}  // namespace wsidecar::redis
