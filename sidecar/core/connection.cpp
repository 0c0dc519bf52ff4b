#include "sidecar/core/connection.hpp"

#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {

connection::connection() = default;
connection::~connection() = default;

bool connection::beats_within(std::chrono::milliseconds period) const {
    return stomp && stomp->beats.send.count() > 0 && stomp->beats.send <= period;
}

}  // namespace wsidecar::core
