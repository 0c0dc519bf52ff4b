#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proto/ws/ws_violation.hpp"

namespace wsidecar::proto {

class inflater;
struct frame_header;

/// The limits of one connection. They are passed to each call, so that all connections of a route can share them.
struct ws_limits {
    std::uint64_t message = 128 * 1024;  ///< bytes of a whole message after inflating
    std::uint32_t fragments = 4096;      ///< frames of a message, including empty ones
    bool deflate = false;                ///< permessage-deflate was negotiated
    std::uint8_t window_bits = 0;        ///< compressed messages share a window of 2^this bytes; 0 if each stands alone
};

enum class ws_event : std::uint8_t { need_more, message, ping, pong, close, error };

/// The result of next(). `payload` and `reason` are valid until the next call of next(), and at most as long as the bytes passed to it.
struct ws_step {
    ws_event what = ws_event::need_more;
    bool text = false;                      ///< for a message: whether it is text and not binary
    std::string_view payload;               ///< of a message, ping or pong
    std::uint16_t code = 0;                 ///< of a close: the peer's code, 1005 if it sent none
    std::string_view reason;                ///< of a close
    ws_violation why = ws_violation::none;  ///< of an error: what the connection is closed for
};

/// Incremental server side of RFC 6455 and the reading half of RFC 7692. Sans-io.
///
/// Between messages it holds no heap memory but the window of a client that sends compressed ones. The memory of a message
/// in the making grows with the bytes that arrived, never with a length that a header claims.
class ws_reader {
public:
    ws_reader();
    ws_reader(ws_reader&&) noexcept;
    ws_reader& operator=(ws_reader&&) noexcept;
    ~ws_reader();

    /// Consumes bytes from the front of `in` up to and including the first event; unmasks them in place. need_more: all
    /// of `in` was taken. After `close` and `error` everything that follows is swallowed (RFC 6455 section 5.5.1).
    /// `z` may be null without limits.deflate; one object may serve all readers of a thread.
    ws_step next(std::span<char>& in, const ws_limits& limits, inflater* z);

    /// No frame and no message is unfinished.
    bool at_rest() const;
    /// Heap memory held, in bytes.
    std::size_t buffered() const;
    /// Bytes of the window that the client's compressed messages share, at most 2^limits.window_bits; gone after `close` and
    /// `error`.
    std::size_t window() const;
    /// Nothing more will be read. Views of the last step stay valid.
    void forget_window() { window_.reset(); }

private:
    struct state;

    ws_step run(std::span<char>& in, const ws_limits& limits, inflater* z);
    bool read_header(std::span<char>& in, frame_header& h, ws_violation& why);
    ws_step admit(const frame_header& h, const ws_limits& limits, bool may_inflate);
    ws_step whole_frame(std::span<char>& in, const frame_header& h, const ws_limits& limits, inflater* z);
    ws_step frame_part(std::span<char>& in, const ws_limits& limits, inflater* z);
    ws_step finish_message(const ws_limits& limits, inflater* z);
    ws_step on_control(const frame_header& h, std::string_view payload);
    ws_step on_inflated(std::string_view compressed, bool text, const ws_limits& limits, inflater& z);
    void remember(std::string_view message, std::size_t window);
    ws_step fail(ws_violation why);
    state& held();

    std::unique_ptr<state> state_;               ///< null at rest
    std::unique_ptr<std::vector<char>> window_;  ///< null until a compressed message came
    bool over_ = false;
};

}  // namespace wsidecar::proto
