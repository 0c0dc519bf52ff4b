#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

/// W3C Trace Context, version 00: is this a valid traceparent?
bool valid_traceparent(std::string_view value);

/// A new, sampled trace.
std::string new_trace();

/// A child span of `parent`: same trace and flags, new span; a new trace when `parent` is not valid.
std::string continue_trace(std::string_view parent);

}  // namespace wsidecar::proto
