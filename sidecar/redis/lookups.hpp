#pragma once

#include <functional>
#include <string>

#include "sidecar/core/bus.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// What Redis knows of a user, for an operator: connections (HGETALL `presence:<user>`), mailbox and grace, and all instances. Without a user only these.
void look_up(command_port& link, const keys& names, const std::string& user, std::function<void(core::registry_view)> done);

/// The size of the history of `target` (XLEN `history:...`), which has its kind in front.
void look_up_history(command_port& link, const keys& names, const std::string& target,
                     std::function<void(core::registry_view)> done);

}  // namespace wsidecar::redis
