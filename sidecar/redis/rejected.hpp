#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace wsidecar::redis {

/// Writes an entry of the list `rejected`: `{"reason","envelope","time"}`, with "base64" instead of "envelope" if the bytes are not
/// UTF-8. Keeps at most the first 64 KiB of the envelope.
std::string rejected_record(std::string_view reason, std::string_view envelope, std::chrono::system_clock::time_point now);

}  // namespace wsidecar::redis
