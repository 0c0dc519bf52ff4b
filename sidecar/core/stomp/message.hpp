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

/// One push as MESSAGE frames. Clients of one page give their subscriptions the same ids, so that most subscribers share one
/// encoded frame; what differs (subscription, ack, version, a user's own destination) makes another.
class stomp_message {
public:
    /// `number`: of this message in this process. `push` must outlive it.
    stomp_message(const proto::envelope& push, std::string_view instance, std::uint64_t number);

    /// `destination`: of the broker, as the push names it; a user's own is shown as the client wrote it.
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
    std::vector<made> made_;  ///< the last found first
    unsigned in_vain_ = 0;    ///< looked for and not found, one after the other
};

/// The `ack` of a MESSAGE, which its ACK names in 1.2: the message's number and the subscription.
std::string ack_of(std::uint64_t message, std::string_view subscription);
/// The number in a message-id or an ack; 0: it is none of ours.
std::uint64_t message_number(std::string_view text);

}  // namespace wsidecar::core
