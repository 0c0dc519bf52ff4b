#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace wsidecar::redis {

/// Returns the most bytes of an envelope that `rejected` keeps whole. Of a larger one it keeps the beginning, because a record is made
/// in this process's memory.
std::size_t rejected_whole(const config::rejected& bounds);

/// Writes an entry of the list `rejected`: `{"reason","envelope","time"}`, with "base64" instead of "envelope" if the bytes are not
/// UTF-8. If `envelope` is larger than rejected_whole(), or its record than the list, keeps the first 1 KiB and adds "bytes",
/// the size of the whole envelope. `size` is that size if the caller has only the beginning; 0: `envelope` is whole.
std::string rejected_record(std::string_view reason, std::string_view envelope, std::chrono::system_clock::time_point now,
                            const config::rejected& bounds, std::size_t size = 0);

/// Returns the `id` of an envelope that was rejected, for the log; "" if it has none, or is no JSON object of at most 64 KiB.
std::string id_in(std::string_view envelope);

}  // namespace wsidecar::redis
