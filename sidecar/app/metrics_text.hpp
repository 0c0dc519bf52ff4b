#pragma once

#include <string>

#include "sidecar/core/metrics.hpp"

namespace wsidecar::app {

/// All metrics in the Prometheus text exposition format 0.0.4, written by prometheus-cpp.
std::string metrics_text(const core::metrics& m);

}  // namespace wsidecar::app
