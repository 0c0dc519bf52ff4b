#pragma once

#include <cstdint>

namespace wsidecar::net {

/// Counts a client's messages in the current second, against limits.messages_per_second.
class message_rate {
public:
    /// Counts a message at `now` (milliseconds). Returns false if it exceeds `limit`; a limit of 0 allows any number.
    bool allows(std::uint32_t limit, std::uint32_t now) {
        if (limit == 0) {
            return true;
        }
        if (const std::uint32_t second = now / 1000; second != second_) {
            second_ = second;
            count_ = 0;
        }
        return ++count_ <= limit;
    }

private:
    std::uint32_t second_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace wsidecar::net
