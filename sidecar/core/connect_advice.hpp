#pragma once

#include <string>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// What an answer to a connect event most likely means, and what to do about it, in words for the log. `path`: where the event was
/// posted, as the configuration has it. Empty: the answer is an ordinary one.
std::string connect_advice(const std::string& path, const app_answer& a);

}  // namespace wsidecar::core
