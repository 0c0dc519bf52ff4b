#pragma once

#include <functional>
#include <string>

#include "sidecar/core/bus.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Collects for an operator what Redis has about a user: connections (HGETALL `presence:<user>`), mailbox and grace, and all instances.
/// With an empty `user`, collects only the instances.
void look_up(command_port& link, const keys& names, const std::string& user, std::function<void(core::registry_view)> done);

/// Reads the size of a history (XLEN `history:...`). `target` is a name with its kind in front.
void look_up_history(command_port& link, const keys& names, const std::string& target,
                     std::function<void(core::registry_view)> done);

}  // namespace wsidecar::redis
