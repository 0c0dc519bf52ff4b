#pragma once

#include <string>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// Explains for the log the likely cause of an unusual answer to a connect event, and the remedy. `path` is the configured path to which
/// the event was posted. Returns an empty string for an ordinary answer.
std::string connect_advice(const std::string& path, const app_answer& a);

}  // namespace wsidecar::core
