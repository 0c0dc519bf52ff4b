#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"
#include "proto/stomp/stomp_version.hpp"
#include "sidecar/core/frame.hpp"
#include "sidecar/core/stomp/subscriptions.hpp"

namespace wsidecar::core {

/// Encodes one push as MESSAGE frames. Clients of one page use the same subscription ids, so most subscribers share one encoded frame. A
/// different subscription, ack mode, version or user destination needs another frame. Event loop only.
class stomp_message {
public:
    /// `number` is the message's number in this process. `push` must outlive this object.
    stomp_message(const proto::envelope& push, std::string_view instance, std::uint64_t number);

    /// `destination` is the broker destination that the push names. A user's own destination is written as the client wrote it.
    frame_ptr frame_for(const subscription& s, proto::stomp::version v, const std::string& destination);
    std::uint64_t number() const { return number_; }

private:
    struct tail {
        proto::stomp::version version;
        std::string destination;
        std::string bytes;
    };
    struct made {
        proto::stomp::version version;
        bool acknowledged;
        std::string subscription;
        std::string destination;
        frame_ptr frame;
    };
    const std::string& tail_of(proto::stomp::version v, const std::string& destination);

    const proto::envelope& push_;
    std::string content_type_;
    std::string message_id_;
    std::uint64_t number_;
    std::vector<tail> tails_;
    std::vector<made> made_;  ///< the most recently used first
    unsigned in_vain_ = 0;    ///< consecutive look-ups that found nothing
};

/// The header `ack` of a MESSAGE, which the client's ACK repeats (STOMP 1.2): the message's number and the subscription.
std::string ack_of(std::uint64_t message, std::string_view subscription);
/// The message's number in a message-id or ack header; 0 if this process did not write it.
std::uint64_t message_number(std::string_view text);

}  // namespace wsidecar::core
