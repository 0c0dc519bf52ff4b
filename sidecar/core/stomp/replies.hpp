#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct stomp_error;
}  // namespace wsidecar::proto

namespace wsidecar::core {

/// Sends the server's own frames to a STOMP client: receipts, errors, heart-beats. Event loop only.
class stomp_replies {
public:
    explicit stomp_replies(context& x) : metrics_(x.metrics), timers_(x.timers) {}

    void out(connection& c, std::string_view bytes);
    void receipt(connection& c, std::string_view id);
    /// Sends ERROR and closes. `said`, if not null, is what the app says to the client: its message, if there is one, replaces `text`.
    void fail(connection& c, const char* reason, const std::string& text, std::string_view receipt = {},
              std::uint16_t code = 1002, const proto::stomp_error* said = nullptr);
    void beat(connection& c);

private:
    metrics& metrics_;
    timer_port& timers_;
};

}  // namespace wsidecar::core
