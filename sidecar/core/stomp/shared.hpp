#pragma once

#include <cstdint>

#include "sidecar/core/stomp/silent.hpp"
#include "sidecar/core/stomp/subscriptions.hpp"

namespace wsidecar::core {

/// What the parts of STOMP's server share, for all its clients.
struct stomp_shared {
    core::subscriptions subscriptions;
    silent_stomps silent;        ///< the first to come at the front
    std::uint64_t messages = 0;  ///< number of the last MESSAGE
};

}  // namespace wsidecar::core
