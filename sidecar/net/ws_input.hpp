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

/// What the client of a WebSocket sends, step by step, within its route's limits: size and fragments of a message, messages a second,
/// and how long a message may take to come whole. Accounts for the memory of the decompression window.
class ws_input {
public:
    /// What it negotiated: `window_bits` of its own compressed messages, 0 for none.
    ws_input(bool compresses, std::uint8_t window_bits) : window_bits_(window_bits), compresses_(compresses) {}

    /// The next step, as ws_reader::next(). `message_limit`: bytes.
    proto::ws_step next(std::span<char>& in, const config::route& r, std::uint64_t message_limit, session_shared& shared);
    /// What was begun will never be whole: its memory is given back, and views of the last step are no longer valid.
    void drop(session_shared& shared);
    /// Nothing more will be read. Views of the last step stay valid.
    void end(session_shared& shared);
    std::size_t buffered() const { return reader_.buffered(); }
    /// Counts a message. False: it is one too many in this second.
    bool within_rate(const config::route& r, std::uint32_t now) { return rate_.allows(r.limits.messages_per_second, now); }

    /// Something was begun that has not come whole, a frame or a message of several, and no time has been set for it.
    bool begins() const { return !reader_.at_rest() && message_due_ == 0; }
    /// Sets it, in milliseconds as timers counts them.
    void expect(const config::route& r, std::uint32_t now) {
        message_due_ = (now + in_milliseconds(r.limits.message_time)) | 1U;
    }
    /// What may lie unread in the socket is not late: it gets its time anew.
    void resumed(const config::route& r, std::uint32_t now) {
        if (message_due_ != 0) {
            expect(r, now);
        }
    }
    /// Its time is over. `paused`: nothing is read.
    bool is_late(const config::route& r, std::uint32_t now, bool paused);
    /// Milliseconds until then; UINT32_MAX: nothing was begun.
    std::uint32_t next_look(std::uint32_t now) const { return message_due_ == 0 ? UINT32_MAX : until(message_due_, now); }

private:
    void count_window(session_shared& shared);

    proto::ws_reader reader_;
    message_rate rate_;
    std::uint32_t window_ = 0;       ///< bytes, as counted
    std::uint32_t message_due_ = 0;  ///< 0: nothing was begun
    std::uint8_t window_bits_;
    bool compresses_;
};

}  // namespace wsidecar::net
