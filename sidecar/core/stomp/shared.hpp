#pragma once

#include <cstdint>

#include "sidecar/core/stomp/silent.hpp"
#include "sidecar/core/stomp/subscriptions.hpp"

namespace wsidecar::core {

/// State that the parts of the STOMP server share, for all clients.
struct stomp_shared {
    core::subscriptions subscriptions;
    silent_stomps silent;        ///< the oldest connection first
    std::uint64_t messages = 0;  ///< number of the last MESSAGE
};

}  // namespace wsidecar::core
