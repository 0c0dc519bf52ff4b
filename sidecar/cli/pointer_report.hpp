#pragma once

#include <iosfwd>

#include "config/config.hpp"
#include "proto/spring/payload.hpp"

namespace wsidecar::cli {

/// Prints what each JSON Pointer of an entry of `sources` finds in a payload, and, where it finds nothing, which member the payload has
/// instead.
void report_pointers(const config::source& s, const proto::decoded_payload& payload, std::ostream& to);

}  // namespace wsidecar::cli
