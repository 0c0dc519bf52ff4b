#include "sidecar/core/connection.hpp"

#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {

connection::connection() = default;
connection::~connection() = default;

}  // namespace wsidecar::core
