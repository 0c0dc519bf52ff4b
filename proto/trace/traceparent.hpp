#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

/// Whether this is a valid traceparent of W3C Trace Context, version 00.
bool valid_traceparent(std::string_view value);

/// Begins a new, sampled trace.
std::string new_trace();

/// Returns a child span of `parent`, with the same trace and flags; or a new trace if `parent` is invalid.
std::string continue_trace(std::string_view parent);

}  // namespace wsidecar::proto
