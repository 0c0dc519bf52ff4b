#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"

namespace wsidecar::redis {

/// What the router makes of the outbox's head: arguments of the commit script, no decision about where anybody is.
struct batch {
    std::vector<std::string> sums;     ///< SHA-1 of each entry as peeked
    std::vector<std::string> actions;  ///< flat, in order: see build_batch
    std::vector<std::string> reasons;  ///< label of each rejected envelope, for the counter
};

/// Entries of the outbox (`returned`: of outbox:returned, with their attempts in front) as actions:
///   push, envelope, record if its inbox is full, attempts, n, n targets ("u"ser, "a"lias, "g"roup, "c"onnection, "*" all)
///   reject, record
/// Envelopes get an id and, with a ttl, a time where the app gave none; one that came back `max_attempts` times is not
/// routed again.
batch build_batch(const std::vector<std::string_view>& entries, bool returned, std::chrono::system_clock::time_point now);

inline constexpr unsigned max_attempts = 3;

/// An element of outbox:returned.
std::string returned_entry(unsigned attempts, std::string_view envelope);

}  // namespace wsidecar::redis
