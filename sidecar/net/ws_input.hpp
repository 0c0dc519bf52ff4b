#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "config/config.hpp"
#include "proto/ws/ws_reader.hpp"
#include "sidecar/net/instant.hpp"
#include "sidecar/net/message_rate.hpp"
#include "sidecar/net/session_shared.hpp"

namespace wsidecar::net {

/// Parses a WebSocket client's input step by step within its route's limits: size and fragments of a message, messages per second, and the
/// time for a complete message. Accounts for the memory of the decompression window.
class ws_input {
public:
    /// `window_bits` is the negotiated window of the client's compressed messages, or 0 for none.
    ws_input(bool compresses, std::uint8_t window_bits) : window_bits_(window_bits), compresses_(compresses) {}

    /// The next step, as ws_reader::next(). `message_limit` is in bytes.
    proto::ws_step next(std::span<char>& in, const config::route& r, std::uint64_t message_limit, session_shared& shared);
    /// Drops an incomplete message and frees its memory. Views of the last step become invalid.
    void drop(session_shared& shared);
    /// Nothing more will be read. Views of the last step stay valid.
    void end(session_shared& shared);
    std::size_t buffered() const { return reader_.buffered(); }
    /// Counts a message. Returns false if it exceeds the limit for this second.
    bool within_rate(const config::route& r, std::uint32_t now) { return rate_.allows(r.limits.messages_per_second, now); }

    /// Whether a frame or a fragmented message is incomplete and has no deadline yet.
    bool begins() const { return !reader_.at_rest() && message_due_ == 0; }
    /// Sets the deadline. `now` is timers::milliseconds().
    void expect(const config::route& r, std::uint32_t now) {
        message_due_ = (now + in_milliseconds(r.limits.message_time)) | 1U;
    }
    /// Reading was resumed: sets a new deadline, because the rest may have been unread in the socket.
    void resumed(const config::route& r, std::uint32_t now) {
        if (message_due_ != 0) {
            expect(r, now);
        }
    }
    /// Whether the deadline has passed. `paused` says that the socket is not read.
    bool is_late(const config::route& r, std::uint32_t now, bool paused);
    /// Milliseconds until the deadline; UINT32_MAX if there is none.
    std::uint32_t next_look(std::uint32_t now) const { return message_due_ == 0 ? UINT32_MAX : until(message_due_, now); }

private:
    void count_window(session_shared& shared);

    [[no_unique_address]] proto::ws_reader reader_;  // the next two use the padding at its end
    std::uint8_t window_bits_;
    bool compresses_;
    message_rate rate_;
    std::uint32_t window_ = 0;       ///< bytes, as counted
    std::uint32_t message_due_ = 0;  ///< 0: nothing was begun
};

}  // namespace wsidecar::net
