#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace wsidecar::redis {

/// An entry of the list `rejected`: `{"reason","envelope","time"}`, with "base64" instead of "envelope" where the bytes are
/// not UTF-8. At most the first 64 KiB of the envelope are kept.
std::string rejected_record(std::string_view reason, std::string_view envelope, std::chrono::system_clock::time_point now);

}  // namespace wsidecar::redis
